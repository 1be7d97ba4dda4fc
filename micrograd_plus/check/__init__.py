"""Checks: derivatives compared with independent ones, and graphs that are debugged.

Others import `debugging` and `gradients`.
"""

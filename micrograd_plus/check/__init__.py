"""Checks: derivatives compared with independent ones; debug mode, which traces errors to lines.

Others import `debugging` and `gradients`.
"""

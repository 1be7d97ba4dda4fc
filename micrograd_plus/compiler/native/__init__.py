"""Tapes of operations, run by the compiled core: for batches, and for one point at a time.

Others import `lanes` and `point`.
"""

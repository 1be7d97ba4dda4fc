"""Programs for one point at a time: a tape of operations, run by the compiled core.

Others import `program`.
"""

"""Programs for one point at a time: a tape of operations, interpreted in machine code.

Others import `program`.
"""

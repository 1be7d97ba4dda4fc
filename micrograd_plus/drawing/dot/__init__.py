"""A scene as DOT, and the program that lays it out.

Others import `labels`, `layout`, `programs` and `source`.
"""

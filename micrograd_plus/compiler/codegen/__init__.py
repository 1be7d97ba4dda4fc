"""From groups of expressions to the text of a module for an array library.

Others import `backends`, `c`, `generate`, `naming` and `running`.
"""

"""From groups of expressions to the text of a module for an array library; or to C, or JavaScript.

Others import `backends`, `c`, `generate`, `javascript`, `naming`, `running` and `updates`.
"""

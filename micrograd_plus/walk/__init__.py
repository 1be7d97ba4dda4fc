"""A walk: the steps of both passes in words and numbers, their formulas, and questions on them.

Others import `arithmetic`, `formula`, `gates`, `naming`, `paths`, `questions` and `steps`.
"""

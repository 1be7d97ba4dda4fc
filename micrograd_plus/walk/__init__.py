"""A walk: the steps of both passes in words and numbers, their formulas, and questions on them.

Others import `formula`, `gates`, `paths`, `questions` and `steps`.
"""

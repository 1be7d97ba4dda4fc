"""A walk: the steps of both passes in words and numbers, their formulas, and questions on them."""

__all__ = ["formula", "mistakes", "paths", "questions", "sigma", "steps"]

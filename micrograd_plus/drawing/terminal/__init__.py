"""Walks and quizzes in a terminal."""

__all__ = ["quiz", "walk"]

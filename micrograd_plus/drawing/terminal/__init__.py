"""Walks and quizzes in a terminal.

Others import `quiz` and `walk`.
"""

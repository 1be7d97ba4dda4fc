"""Pages and widgets: HTML around a picture, and the scripts that make it live.

Others import `folded`, `page`, `panel`, `player`, `quiz` and `stepper`.
"""

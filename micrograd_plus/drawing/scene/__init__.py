"""A picture as plain data: its gates and wires, and the folds that stand for many of them.

Others import `folds`, `matrices`, `network`, `outline`, `parts` and `wiring`.
"""

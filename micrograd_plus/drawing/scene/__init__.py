"""A picture as plain data: its gates and wires, and the folds that stand for many of them."""

__all__ = ["folds", "matrices", "outline", "parts", "wiring"]

"""From groups of expressions to the text of a module for an array library."""

__all__ = ["backends", "source"]

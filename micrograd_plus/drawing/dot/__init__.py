"""A scene as DOT, and the program that lays it out."""

__all__ = ["labels", "layout", "programs", "source"]

"""Checks: derivatives compared with independent ones, and graphs that are debugged."""

__all__ = ["debugging", "gradients"]

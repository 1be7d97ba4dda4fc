"""Pages and widgets: HTML around a picture, and the scripts that make it live."""

__all__ = ["folded", "page", "panel", "quiz", "stepper"]

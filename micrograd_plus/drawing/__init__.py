"""Pictures of graphs, and walks through them: in a file, a page, a terminal or a notebook."""

__all__ = ["frames", "look", "picture", "play", "quiz", "stepper"]

"""What the rooms share that is not about derivatives: errors, files, text, optional packages."""

__all__ = ["errors", "extras", "files", "latex", "nested", "progress", "text"]

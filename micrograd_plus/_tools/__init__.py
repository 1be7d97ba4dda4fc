"""What the rooms share that is not about derivatives: errors, files, text, optional packages.

Others import `errors`, `extras`, `files`, `latex`, `nested`, `progress` and `text`.
"""

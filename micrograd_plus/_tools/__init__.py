"""What the rooms share that is not about derivatives: errors, files, names, numbers,
text, optional packages.

Others import `errors`, `extras`, `figures`, `files`, `latex`, `names`, `nested`, `numbers`,
`progress` and `text`.
"""

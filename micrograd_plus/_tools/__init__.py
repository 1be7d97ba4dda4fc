"""What the rooms share that is not about derivatives: errors, files, names, numbers,
text, dark pages, optional packages.

Others import `dark`, `errors`, `extras`, `figures`, `files`, `latex`, `names`, `nested`, `numbers`,
`progress` and `text`.
"""

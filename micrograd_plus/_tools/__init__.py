"""What the rooms share that is not about derivatives: errors, hints for the habits of
other libraries, files, names, numbers, text, dark pages, optional packages.

Others import `dark`, `errors`, `extras`, `figures`, `files`, `habits`, `latex`, `names`, `nested`,
`numbers`, `progress` and `text`.
"""

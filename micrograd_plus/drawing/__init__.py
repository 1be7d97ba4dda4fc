"""Pictures of graphs, and walks through them: in a file, a page, a terminal or a notebook.

Others import `dot`, `frames`, `look`, `picture`, `play`, `quiz`, `scene`, `terminal` and
`walkthrough`.
"""

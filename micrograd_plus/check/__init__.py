"""Checks: derivatives compared with independent ones; debug mode, which traces errors to lines.

Others import `debugging`, `differences` and `gradients`. A check of gradients looks at each of the
`operations` by itself, too.
"""

"""A walkthrough as slides: a page, a PDF, a program for LaTeX's Beamer, or a GIF.

Others import `deck`.
"""

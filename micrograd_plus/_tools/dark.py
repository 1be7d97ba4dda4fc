"""Pictures made for white paper that turn dark with the notebook around them."""

from __future__ import annotations

import re

DARK = "filter: invert(0.93) hue-rotate(180deg)"
"""The style that makes a picture dark: white and black change places, hues stay."""

# JupyterLab and pages exported from it show a picture as an image, which sees the colour scheme of
# the element that it is in, or else the system's. What is transparent might then be light on light.
_STYLE = f"""<style>
@media screen and (prefers-color-scheme: dark) {{
:root.mg-white {{ background: #121212; }}
:root.mg-white > * {{ {DARK}; }}
}}
</style>"""


def adapting(svg: str) -> str:
    """A picture on white as one that is dark in a dark notebook.

    Args:
        svg: the picture; its outermost element has no class.

    >>> picture = adapting('<svg width="5"><g/></svg>')
    >>> picture[:32], picture[-18:]
    ('<svg class="mg-white" width="5">', '</style><g/></svg>')
    """
    return re.sub("<svg([^>]*>)", rf'<svg class="mg-white"\1{_STYLE}', svg, count=1)

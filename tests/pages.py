"""What tests read from pictures and from the pages around them."""

import xml.etree.ElementTree as ET

SVG_NUMBERS = """root => Object.fromEntries(["forward", "gradient"].map(ink => [ink,
    [...root.querySelectorAll(`svg [data-ink="${ink}"]`)].map(e => e.textContent).sort()]))"""


def sentence(root):
    """The sentence of the step that a walkthrough shows."""
    return root.locator(".mg-sentence").inner_text()


def numbers(root):
    """The values and gradients that stand in a walkthrough's picture, each in order."""
    return root.evaluate(SVG_NUMBERS)


def svg_texts(picture):
    """The texts of a picture as SVG."""
    root = ET.fromstring(picture.pipe("svg"))
    return ["".join(element.itertext()) for element in root.findall(".//{*}text")]

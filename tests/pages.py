"""What tests read from pictures and from the pages around them."""

import io
import xml.etree.ElementTree as ET
from itertools import combinations

from tests.needs import needed

SVG_NUMBERS = """root => Object.fromEntries(["forward", "gradient"].map(ink => [ink,
    [...root.querySelectorAll(`svg [data-ink="${ink}"]`)].map(e => e.textContent).sort()]))"""


# each element with a text of its own, its colour, and the colour of what lies behind it
SEEN = """() => [...document.querySelectorAll("body *")].flatMap(element => {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || element.matches("script, style, title, desc, [aria-disabled=true]")) return [];
    const style = getComputedStyle(element);
    const gate = element.closest("svg g.node")?.querySelector('[data-ink="gate"]');
    let behind = gate ? getComputedStyle(gate).fill : "rgba(0, 0, 0, 0)";
    for (let e = element; behind === "rgba(0, 0, 0, 0)"; e = e.parentElement) {
        behind = getComputedStyle(e).backgroundColor;
    }
    const text = element.closest("svg") ? style.fill : style.color;
    return [[element.textContent.trim(), text, behind]];
})"""


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


def brightness(element):
    """How bright the darkest, the most frequent and the brightest point of an element is, to 255.

    Args:
        element: a locator of Playwright.
    """
    needed("PIL")
    from PIL import Image

    shades = Image.open(io.BytesIO(element.screenshot())).convert("L")
    counts = shades.histogram()
    darkest, brightest = shades.getextrema()
    return darkest, counts.index(max(counts)), brightest


# of a character in Helvetica, as parts of the font's size; of others as wide as a digit
_WIDTHS = {
    **dict.fromkeys(".,:;|' filjt", 0.278),
    **dict.fromkeys("cksvxyz", 0.5),
    **dict.fromkeys("+−=×", 0.584),
}


def overlapping(svg):
    """The pairs of texts in a picture that overlap."""
    boxes = []
    for element in ET.fromstring(svg).findall(".//{*}text"):
        text = "".join(element.itertext())
        size, x, y = (float(element.get(name)) for name in ("font-size", "x", "y"))
        width = size * sum(_WIDTHS.get(char, 0.556) for char in text.strip())
        x -= {"middle": width / 2, "end": width}.get(element.get("text-anchor"), 0.0)
        boxes.append((x, x + width, y - 0.72 * size, y, text))
    return [
        (a[4], b[4])
        for a, b in combinations(boxes, 2)
        if min(a[1], b[1]) - max(a[0], b[0]) > 0.5 and min(a[3], b[3]) - max(a[2], b[2]) > 0.5
    ]

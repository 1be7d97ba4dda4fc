const NUMBERS = ["forward", "gradient"]; // the inks of numbers, in the order of their rows

// A picture as a part of the page: its SVG, and its parts by the ids that they had.
export function picture(source, inks, label) {
  // The ids in the SVG become data, so that two pictures on a page can't disturb each other.
  const parsed = new DOMParser().parseFromString(source, "image/svg+xml");
  const svg = document.importNode(parsed.documentElement, true);
  const parts = new Map();
  for (const element of svg.querySelectorAll("[id]")) {
    parts.set(element.id, element);
    element.dataset.part = element.id;
    element.removeAttribute("id");
  }
  for (const element of svg.querySelectorAll("[fill]")) {
    const ink = inks[element.getAttribute("fill")];
    if (ink) element.dataset.ink = ink;
  }
  svg.role = "img";
  svg.ariaLabel = label;
  return { svg, parts };
}

// Puts numbers in the middle of their wires, where they stay when they get longer or shorter; save
// those that stand beside a name.
export function centre(parts) {
  for (const [id, plate] of parts) {
    const texts = id.startsWith("v") ? [...plate.querySelectorAll("text")] : [];
    const named = texts.some((text) => text.dataset.ink === "name");
    for (const text of texts) {
      if (!NUMBERS.includes(text.dataset.ink) || (named && text.dataset.ink === NUMBERS[0])) continue;
      const sides = [...plate.querySelectorAll("polygon")].flatMap(({ points }) => [...points].map(({ x }) => x));
      text.setAttribute("text-anchor", "middle");
      text.setAttribute("x", (Math.min(...sides) + Math.max(...sides)) / 2);
    }
  }
}

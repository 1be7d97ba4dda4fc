// Makes the number on a wire one that is dragged to the left and to the right, as a slider is.
import { drawn } from "./dom.js";

const TARGET = 44; // pixels that a finger needs
const SLACK = 3; // pixels that a click may move

// Args: the wire's plate, the slider, and what is called with a new number.
export function drag(plate, slider, changed) {
  const svg = plate.ownerSVGElement;
  const box = plate.getBBox();
  const target = drawn("svg", "rect", { "class": "mg-drag" });
  plate.append(target);
  new ResizeObserver(() => {
    const least = TARGET / (svg.getScreenCTM()?.a || 1);
    const [width, height] = [Math.max(box.width, least), Math.max(box.height, least)];
    const sides = {
      x: box.x + (box.width - width) / 2, y: box.y + (box.height - height) / 2, width, height,
    };
    for (const [name, value] of Object.entries(sides)) target.setAttribute(name, value);
  }).observe(svg);

  // what `touch-action` does not keep fingers from within SVG: scrolling
  target.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });

  let held = null;
  let dragged = false;
  target.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    held = { x: event.clientX, number: slider.valueAsNumber };
    dragged = false;
    target.setPointerCapture(event.pointerId);
    event.stopPropagation(); // the picture stays where it is
  });
  target.addEventListener("pointermove", (event) => {
    const distance = event.clientX - held?.x;
    dragged ||= Math.abs(distance) > SLACK;
    if (!held || !dragged) return;
    const next = held.number + Math.round(distance) * slider.step;
    changed(Number(Math.min(Math.max(next, slider.min), slider.max).toPrecision(12)));
  });
  target.addEventListener("pointercancel", () => { held = null; });
  target.addEventListener("pointerup", ({ pointerType }) => {
    held = null; // what fingers have not dragged they have clicked on
    if (pointerType === "touch") target.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  });
  target.addEventListener("click", (event) => {
    if (dragged) event.stopPropagation();
  });
}

// Zooming and panning, as a function of an SVG element that lies in a frame of its own:
//
//   const buttons = zoom(svg, keys);
//
// It returns an element with the buttons −, + and Fit, to be put where they suit. The wheel zooms
// with Ctrl (as a touchpad's pinch does), the keys + − 0 do within `keys` (by default the frame),
// and a larger picture is moved by dragging, by scrolling, or by the arrow keys once the frame has
// the focus. Without Ctrl the wheel scrolls the page, save where it scrolls the frame first, as in
// any box that scrolls. Needs no ids and no style sheet; the buttons' class is "mg-zoom".
import { button, make } from "./dom.js";

export function zoom(svg, keys) {
  const frame = svg.parentElement;
  const { width, height } = svg.viewBox.baseVal;
  const STEP = 1.25;
  const LARGEST = 8; // times a point of the picture for a pixel of the screen

  const scale = () => svg.getBoundingClientRect().width / width;
  const fitting = () =>
    Math.min(frame.clientWidth / width, frame.clientHeight / height, 4 / 3); // 1pt is 4/3 px
  const scrolls = () =>
    frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight;

  const middle = (side) => Math.min(frame[`client${side}`], svg[`client${side}`]) / 2;

  // The point (x, y) of the frame stays where it is, as far as the frame can scroll; what it could
  // not is made up for as soon as it can.
  let held = {};
  function zoomTo(wanted, x = middle("Width"), y = middle("Height")) {
    if (!frame.clientWidth) return; // it is hidden
    frame.style.height ||= `${frame.getBoundingClientRect().height}px`; // what stands below must not move
    const before = scale();
    const after = Math.min(Math.max(wanted, fitting() / 2), LARGEST);
    svg.style.width = `${after * width}px`;
    svg.style.minWidth = "0";
    svg.style.maxWidth = "none";
    const { left, top } = held.x === x && held.y === y ? held : { left: 0, top: 0 };
    const to = {
      left: ((frame.scrollLeft + left + x) * after) / before - x,
      top: ((frame.scrollTop + top + y) * after) / before - y,
    };
    frame.scrollTo(to);
    held = { x, y, left: to.left - frame.scrollLeft, top: to.top - frame.scrollTop };
    cursor();
  }

  function cursor() {
    frame.style.cursor = scrolls() ? "grab" : "";
    frame.style.userSelect = scrolls() ? "none" : ""; // a drag moves, and marks no text
  }

  frame.style.overflow = "auto";
  frame.tabIndex = 0; // so that its arrow keys can be reached
  frame.role = "group";
  frame.ariaLabel = "Picture";
  frame.addEventListener("pointerenter", cursor);

  frame.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const { left, top } = frame.getBoundingClientRect();
    const pixels = event.deltaY * (event.deltaMode ? 33 : 1); // else counted in lines
    const factor = Math.exp(-Math.min(Math.max(pixels, -100), 100) / 400);
    zoomTo(scale() * factor, event.clientX - left, event.clientY - top);
  }, { passive: false });

  // Fingers scroll the frame and the page by themselves.
  let grabbed = null;
  frame.addEventListener("pointerdown", (event) => {
    const { left, top } = frame.getBoundingClientRect();
    const bars = event.clientX - left > frame.clientWidth || event.clientY - top > frame.clientHeight;
    if (event.pointerType === "touch" || event.button || bars || !scrolls()) return;
    grabbed = { x: event.clientX, y: event.clientY, left: frame.scrollLeft, top: frame.scrollTop };
  });
  frame.addEventListener("pointermove", (event) => {
    if (!grabbed) return;
    if (!event.buttons) return release();
    const [x, y] = [event.clientX - grabbed.x, event.clientY - grabbed.y];
    // only a drag takes hold of the pointer: a click goes to what was clicked on
    if (!frame.hasPointerCapture(event.pointerId) && Math.hypot(x, y) < 4) return;
    frame.setPointerCapture(event.pointerId);
    frame.style.cursor = "grabbing";
    frame.scrollTo(grabbed.left - x, grabbed.top - y);
  });
  function release() {
    grabbed = null;
    held = {};
    cursor();
  }
  frame.addEventListener("pointerup", release);
  frame.addEventListener("pointercancel", release);

  frame.addEventListener("keydown", (event) => {
    if (/^(Arrow|Home$|End$)/.test(event.key) && event.target === frame && scrolls()) {
      event.stopPropagation(); // it is the frame that they move
    }
  });
  (keys ?? frame).addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.closest("input:not([type=range]), textarea, select")) return;
    const target = {
      "+": scale() * STEP, "=": scale() * STEP, "-": scale() / STEP, 0: fitting(),
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    zoomTo(target);
  });

  const zooming = (sign, label, key, target) =>
    button(sign, label, () => zoomTo(target()), {
      title: `${label} (${key})`, ariaKeyShortcuts: key,
    });
  return make("span", { className: "mg-zoom", role: "group", ariaLabel: "Zoom" },
    zooming("−", "Zoom out", "-", () => scale() / STEP),
    zooming("+", "Zoom in", "+", () => scale() * STEP),
    zooming("Fit", "Fit the picture", "0", fitting),
  );
}

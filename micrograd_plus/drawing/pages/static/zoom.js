// Zooming and panning, as a function of an SVG element that lies in a frame of its own:
//
//   const { buttons, reveal } = zoom(svg, keys);
//
// `buttons` is an element with the buttons −, + and Fit, to be put where they suit; `reveal` scrolls
// elements of the picture into view. The wheel zooms with Ctrl (as a touchpad's pinch does), the
// keys + − 0 do within `keys` (by default the frame), and a larger picture is moved by dragging, by
// scrolling, or by the arrow keys once the frame has the focus. Without Ctrl the wheel scrolls the
// page, save where it scrolls the frame first, as in any box that scrolls.
//
// On a page of its own, and on the full screen, a picture fills its frame; elsewhere the frame is as
// high as the picture. Where numbers were too small to be read, it scrolls.
import { button, make } from "./dom.js";

const STEP = 1.25;
const LARGEST = 8; // pixels for a point of the picture
const LEGIBLE = 14; // pixels: where numbers were smaller in the whole picture, it is not shown whole
const COMFORTABLE = 18; // but with numbers as high as this
const PLAIN = 16; // as high as text around it, where a picture does not fill its frame

export function zoom(svg, keys) {
  const frame = svg.parentElement;
  const { width, height } = svg.viewBox.baseVal;
  const number = svg.querySelector('[data-ink="forward"]') ?? svg.querySelector("text");
  const points = Number.parseFloat(number?.getAttribute("font-size") ?? PLAIN);

  const filled = () => frame.closest(".mg-page, :fullscreen") !== null;
  const scale = () => svg.getBoundingClientRect().width / width;
  const whole = () => Math.min(
    (frame.clientWidth - 1) / width,
    filled() ? (frame.clientHeight - 1) / height : PLAIN / points,
  );
  const usual = () => (whole() * points < LEGIBLE ? COMFORTABLE / points : whole());
  const scrolls = () =>
    frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight;

  let wanted = usual; // or whole, until the reader chooses a size
  function fit(chosen = wanted) {
    wanted = chosen;
    if (wanted && frame.clientWidth) resize(wanted());
  }

  function resize(size) {
    svg.style.setProperty("--mg-width", `${size * width}px`);
    svg.style.setProperty("--mg-height", `${size * height}px`);
    cursor();
  }

  const middle = (side) => Math.min(frame[`client${side}`], svg[`client${side}`]) / 2;

  // Where the picture begins, seen from the frame.
  function corner() {
    const [inner, outer] = [svg, frame].map((element) => element.getBoundingClientRect());
    return { left: inner.left - outer.left, top: inner.top - outer.top };
  }

  // The point (x, y) of the frame stays where it is, as far as the frame can scroll; what it could
  // not is made up for as soon as it can.
  let held = {};
  function zoomTo(size, x = middle("Width"), y = middle("Height")) {
    if (!frame.clientWidth) return; // it is hidden
    frame.style.setProperty("--mg-frame", `${frame.offsetHeight}px`); // what stands below must not move
    const before = scale();
    const after = Math.min(Math.max(size, whole() / 2), Math.max(LARGEST, 4 * whole()));
    const { left, top } = held.x === x && held.y === y ? held : corner();
    const to = { left: x - ((x - left) * after) / before, top: y - ((y - top) * after) / before };
    wanted = null;
    resize(after);
    frame.scrollBy(corner().left - to.left, corner().top - to.top);
    held = { x, y, ...to };
  }

  function cursor() {
    frame.style.cursor = scrolls() ? "grab" : "";
    frame.style.userSelect = scrolls() ? "none" : ""; // a drag moves, and marks no text
  }

  // All of the elements if the frame has room for them, and else the first.
  function reveal(elements) {
    const view = frame.getBoundingClientRect();
    const boxes = elements.map((element) => element.getBoundingClientRect());
    const by = (low, high, from, room) => {
      const outer = [Math.min(...boxes.map((box) => box[low])), Math.max(...boxes.map((box) => box[high]))];
      const [start, end] = outer[1] - outer[0] > room ? [boxes[0][low], boxes[0][high]] : outer;
      return start >= from && end <= from + room ? 0 : (start + end - room) / 2 - from;
    };
    if (!boxes.length) return;
    frame.scrollBy({
      left: by("left", "right", view.left, frame.clientWidth),
      top: by("top", "bottom", view.top, frame.clientHeight),
      behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth",
    });
  }

  frame.tabIndex = 0; // so that its arrow keys can be reached
  frame.role = "group";
  frame.ariaLabel = "Picture";
  frame.addEventListener("pointerenter", cursor);
  new ResizeObserver(() => fit()).observe(frame);

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
    const action = actions[event.key === "=" ? "+" : event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  });

  const actions = {
    "-": () => zoomTo(scale() / STEP),
    "+": () => zoomTo(scale() * STEP),
    0: () => fit(whole),
  };
  const zooming = (sign, label, key) =>
    button(sign, label, actions[key], { title: `${label} (${key})`, ariaKeyShortcuts: key });
  const buttons = make("span", { className: "mg-zoom", role: "group", ariaLabel: "Zoom" },
    zooming("−", "Zoom out", "-"),
    zooming("+", "Zoom in", "+"),
    zooming("Fit", "Fit the picture", "0"),
  );
  return { buttons, reveal };
}

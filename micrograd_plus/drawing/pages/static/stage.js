// What the pages with a picture have in common: the picture fills what the sentence, the controls
// and the panel leave, so that all of them are in view.
import { button, keepArrows, make } from "./dom.js";
import { zoom } from "./zoom.js";

const NARROW = 640; // pixels: there the panel stands beneath all else
const ASIDE = 340; // pixels: the panel's width beside the picture
const LOW = 180; // pixels: its height below the picture

// `said`, `controls` and `aside` are elements; those that are not needed may be left out.
export function stage(root, svg, { css, said = "", controls, aside = "" }) {
  root.replaceChildren(make("style", { textContent: css }),
    make("div", { className: "mg-picture" }, svg), said, controls, aside);
  const { buttons, reveal } = zoom(svg, root);
  const full = button("Full screen", "Full screen (F)", toggle, { ariaLabel: null, ariaKeyShortcuts: "F" });
  controls.append(...(document.fullscreenEnabled ? [full] : []), buttons);

  function toggle() {
    if (document.fullscreenElement) document.exitFullscreen();
    else root.requestFullscreen();
  }
  keepArrows(root);
  root.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input[type=text]")) return;
    if (event.key.toLowerCase() === "f" && document.fullscreenEnabled) toggle();
  });

  // The panel stands where it leaves the picture larger: beside it, or below.
  function arrange() {
    if (!root.isConnected) return;
    const { clientWidth, clientHeight } = root;
    const { width, height } = svg.viewBox.baseVal;
    const lines = controls.offsetHeight + (said.offsetHeight ?? 0);
    const size = (wide, high) => Math.min(wide / width, high / height);
    const beside = size(clientWidth - ASIDE, clientHeight - lines);
    const below = size(clientWidth, clientHeight - Math.max(lines, LOW));
    const filled = root.closest(".mg-page, :fullscreen");
    root.dataset.aside = clientWidth < NARROW || !filled ? "under" : below > beside ? "below" : "beside";
  }
  new ResizeObserver(arrange).observe(root);
  arrange();
  return reveal;
}

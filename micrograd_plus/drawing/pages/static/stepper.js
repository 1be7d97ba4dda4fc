// Turns an element with a static picture into a walkthrough that can be stepped through.
import { button, make } from "./dom.js";
import { picture } from "./picture.js";
import { zoom } from "./zoom.js";

export function stepper(root, walk) {
  const { svg, parts } = picture(walk.svg, walk.inks, "");
  for (const [ink, color] of Object.entries(walk.colors)) {
    svg.style.setProperty(`--mg-${ink}`, color); // of the numbers; sentences stay readable
  }
  const last = walk.steps.length - 1;
  let current = 0;
  const first = button("|◀", "First step", () => show(0));
  const back = button("◀", "Step back", () => show(current - 1)); // at an end nothing changes
  const forward = button("▶", "Step forward", () => show(current + 1));
  const end = button("▶|", "Last step", () => show(last));
  const slider = make("input", { type: "range", min: 0, max: last, step: 1, ariaLabel: "Step" });
  slider.addEventListener("input", () => show(Number(slider.value)));
  const gates = walk.other ? [gatesButton()] : [];
  const count = make("span", { className: "mg-count" });
  const phaseName = make("span", { className: "mg-phase" });
  const sentence = make("div", { className: "mg-sentence", ariaLive: "polite" });
  root.replaceChildren(
    make("style", { textContent: walk.css }),
    make("div", { className: "mg-picture" }, svg),
    make("div", { className: "mg-controls" },
      first, back, forward, end, slider, count, phaseName, ...gates, zoom(svg, root)),
    sentence,
  );
  root.tabIndex = 0;
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take 0 0 for "restart the kernel"
  root.role = "group";
  root.ariaLabel = "Walkthrough";
  root.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const target = {
      ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: last,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault(); // the slider would move by itself, the page would scroll
    event.stopPropagation();
    show(target);
  });

  // A button that shows the other walk: with one σ gate for its operations, or with these again.
  function gatesButton() {
    const { other, ...mine } = walk;
    const label = walk.sigma ? "Open the σ gates" : "One σ gate for 1/(1+exp(−x))";
    const switching = () => {
      const fresh = root.cloneNode(false); // without what listened to this walk's keys
      root.replaceWith(fresh);
      stepper(fresh, { ...other, css: walk.css, other: mine, end: current === last });
      fresh.querySelector(".mg-gates").focus();
    };
    return button("σ", label, switching, { className: "mg-gates" });
  }

  const numbers = (plate) => {
    const texts = parts.get(plate).querySelectorAll("text");
    const find = (ink) => [...texts].find((text) => text.dataset.ink === ink);
    return { data: find("forward"), grad: find("gradient") };
  };

  function show(step) {
    current = Math.min(Math.max(step, 0), last);
    for (const plate of walk.plates) {
      const { data, grad } = numbers(plate);
      data.textContent = "";
      grad.textContent = "";
    }
    for (const { changes } of walk.steps.slice(0, current + 1)) {
      for (const [plate, slot, number] of changes) numbers(plate)[slot].textContent = number;
    }
    for (const [i, { share }] of walk.steps.entries()) {
      parts.get(share)?.classList.toggle("unseen", i > current);
    }
    for (const element of parts.values()) element.classList.remove("lit");
    const { phase, text, lit } = walk.steps[current];
    for (const id of lit) parts.get(id)?.classList.add("lit");
    sentence.textContent = text;
    sentence.dataset.phase = phase;
    count.textContent = `${current + 1} / ${last + 1}`;
    phaseName.textContent = phase;
    svg.ariaLabel = `The graph after step ${current + 1} of ${last + 1}`;
    slider.value = current;
    slider.ariaValueText = text;
    // a button that is really disabled would lose the focus, and the keys with it
    for (const element of [first, back]) element.ariaDisabled = current === 0;
    for (const element of [forward, end]) element.ariaDisabled = current === last;
  }
  show(walk.end ? last : 0);
}

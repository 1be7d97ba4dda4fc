// Turns an element with a static picture into a walkthrough that can be stepped through.
import { address } from "./address.js";
import { autoplay } from "./autoplay.js";
import { atGate, chainRule } from "./chain.js";
import { button, make, whileShown } from "./dom.js";
import { picture } from "./picture.js";
import { stage } from "./stage.js";
import { wires } from "./wires.js";

const WIDE = 900; // pixels that a page needs to show the list of steps at first

export function stepper(root, walk) {
  const { svg, parts } = picture(walk.svg, walk.inks, "");
  for (const [ink, color] of Object.entries(walk.colors)) {
    svg.style.setProperty(`--mg-${ink}`, color); // of the numbers; sentences stay readable
  }
  const last = walk.steps.length - 1;
  const filled = () => root.closest(".mg-page, :fullscreen") !== null;
  let current = 0;

  const first = button("|◀", "First step", () => go(0));
  const back = button("◀", "Step back", () => go(current - 1)); // at an end nothing changes
  const forward = button("▶", "Step forward", () => go(current + 1));
  const end = button("▶|", "Last step", () => go(last));
  const slider = make("input", { type: "range", min: 0, max: last, step: 1, ariaLabel: "Step" });
  slider.addEventListener("input", () => go(Number(slider.value)));
  const count = make("span", { className: "mg-count" });
  const phaseName = make("span", { className: "mg-phase" });
  const play = autoplay(() => {
    show(current === last ? 0 : current + 1);
    return current < last;
  });
  const sentence = make("div", { className: "mg-sentence", ariaLive: "polite" });
  const chain = make("div", { className: "mg-chain" });
  const line = make("code", { className: "mg-line" });
  const said = make("div", { className: "mg-said" }, sentence, chain, line);
  const items = walk.steps.map(({ text, phase }, step) => {
    const item = make("button", { type: "button", textContent: text });
    item.dataset.phase = phase;
    item.addEventListener("click", () => go(step));
    return item;
  });
  const list = make("ol", { className: "mg-steps" }, ...items.map((item) => make("li", {}, item)));
  list.hidden = !root.closest(".mg-page") || root.clientWidth < WIDE;
  const listed = button("Steps", "All steps", () => {
    list.hidden = !list.hidden;
    cards.close();
    listed.ariaExpanded = String(!list.hidden);
  }, { ariaLabel: null, ariaExpanded: String(!list.hidden) });
  const aside = make("div", { className: "mg-aside" }, list);
  const reveal = stage(root, svg, {
    css: walk.css,
    said,
    controls: make("div", { className: "mg-controls" }, first, back, forward, end,
      ...play.controls, slider, count, phaseName, listed, ...(walk.other ? [gatesButton()] : [])),
    aside,
  });
  svg.role = "group"; // its wires are buttons
  const cards = wires(walk, parts, aside, reveal);

  root.tabIndex = 0;
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take 0 0 for "restart the kernel"
  root.role = "group";
  root.ariaLabel = "Walkthrough";
  root.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("select")) return;
    const target = { ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: last }[event.key]
      ?? remote(event);
    if (target === undefined) return;
    event.preventDefault(); // the slider would move by itself, the page would scroll
    event.stopPropagation();
    go(target);
  });

  // The keys of a presenter's remote control.
  function remote({ key, target }) {
    if (!filled() || (key === " " && target.closest("button"))) return undefined;
    return { PageUp: current - 1, PageDown: current + 1, " ": current + 1 }[key];
  }

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

  const texts = new Map(Object.keys(walk.wires).filter((id) => parts.has(id)).map((plate) => {
    const all = [...parts.get(plate).querySelectorAll("text")];
    const find = (ink) => all.find((text) => text.dataset.ink === ink);
    return [plate, { data: find("forward"), grad: find("gradient") }];
  }));
  const size = Number.parseFloat(texts.values().next().value.data.getAttribute("font-size"));
  let written = [];

  function show(step) {
    current = Math.min(Math.max(step, 0), last);
    const seen = new Map([...texts.keys()].map((plate) => [plate, {}]));
    for (const { changes } of walk.steps.slice(0, current + 1)) {
      for (const [plate, slot, number] of changes) if (seen.has(plate)) seen.get(plate)[slot] = number;
    }
    for (const [i, { share }] of walk.steps.entries()) {
      parts.get(share)?.classList.toggle("unseen", i > current);
    }
    for (const [plate, { data = "", grad = "" }] of seen) {
      texts.get(plate).data.textContent = data;
      texts.get(plate).grad.textContent = grad;
      cards.describe(plate, data, grad);
    }
    light(walk.steps[current]);
    tell(walk.steps[current]);
  }

  function light({ lit, edge }) {
    for (const part of parts.values()) part.classList.remove("lit", "upstream");
    for (const element of written) element.remove();
    const shown = lit.map((id) => parts.get(id)).filter(Boolean);
    for (const part of shown) part.classList.add("lit");
    written = edge ? atGate(parts, edge, size * 0.7) : [];
    reveal([...shown, ...(edge ? [parts.get(edge.above), ...written] : [])]);
  }

  function tell({ phase, text, edge, line: source }) {
    sentence.textContent = text;
    sentence.dataset.phase = phase;
    chain.replaceChildren(...(edge ? chainRule(edge) : []));
    line.textContent = source;
    line.hidden = !source;
    said.tabIndex = said.scrollHeight > said.clientHeight ? 0 : -1; // so that the keyboard can scroll it
    count.textContent = `${current + 1} / ${last + 1}`;
    phaseName.textContent = phase;
    svg.ariaLabel = `The graph after step ${current + 1} of ${last + 1}`;
    slider.value = current;
    slider.ariaValueText = count.textContent; // the sentence is read aloud where it stands
    for (const [i, item] of items.entries()) {
      item.textContent = walk.steps[i].text; // its numbers may have changed
      item.ariaCurrent = null;
    }
    items[current].ariaCurrent = "step";
    const { offsetTop, offsetHeight } = items[current];
    aside.scrollTo({ top: offsetTop - (aside.clientHeight - offsetHeight) / 2 });
    // a button that is really disabled would lose the focus, and the keys with it
    for (const element of [first, back]) element.ariaDisabled = current === 0;
    for (const element of [forward, end]) element.ariaDisabled = current === last;
  }

  function go(step) {
    play.stop();
    show(step);
    remember(current);
  }
  show(walk.end || walk.card ? last : 0);
  if (walk.card) cards.open(walk.card);
  const remember = address(root, show);
  let before = 0;
  whileShown(root, "beforeprint", () => {
    before = current;
    show(last);
    light({ lit: [] });
  });
  whileShown(root, "afterprint", () => show(before));
  return { show, at: () => current };
}

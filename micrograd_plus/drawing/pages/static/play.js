// The fields of `play` and the walkthrough beneath them; the widget's model is Python's side.
import { keepArrows, make } from "./dom.js";
import { drag } from "./drag.js";
import { centre } from "./picture.js";
import { stepper } from "./stepper.js";

const PATIENCE = 2000; // milliseconds until the reader is told that Python is busy, or gone

export function render({ model, el }) {
  const fields = new Map();
  const rows = make("div", { className: "mg-fields" });
  const status = make("div", { className: "mg-status", role: "status" });
  const root = make("div", { className: "mg-stepper mg-play" }, rows, status);
  keepArrows(rows);
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take the sliders' arrow keys
  el.replaceChildren(root);

  let waiting = 0;
  const ask = (name, text) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      status.textContent = "Waiting for Python. If nothing happens, run the cell again.";
    }, PATIENCE);
    model.set("asked", { name, text, count: (model.get("asked").count ?? 0) + 1 });
    model.save_changes();
  };

  const prefix = `mg-play-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  for (const [i, { name, label, low, high, step }] of model.get("fields").entries()) {
    const id = `${prefix}-${i}`;
    const message = make("div", { className: "mg-error", id, ariaLive: "polite" });
    const slider = make("input", { type: "range", min: low, max: high, step, ariaLabel: label });
    const number = make("input", {
      type: "text", inputMode: "decimal", autocomplete: "off", spellcheck: false,
      ariaLabel: `${label} =`,
    });
    number.setAttribute("aria-describedby", id);
    slider.addEventListener("input", () => {
      number.value = slider.value;
      ask(name, slider.value);
    });
    number.addEventListener("input", () => ask(name, number.value));
    rows.append(make("i", { textContent: label }), slider, number, message);
    const moved = (to) => {
      slider.value = to;
      number.value = String(to);
      ask(name, number.value);
    };
    fields.set(name, { slider, number, message, moved });
  }

  const showFields = () => {
    const texts = model.get("texts");
    const errors = model.get("errors");
    for (const [name, { slider, number, message }] of fields) {
      // what the reader holds in hand at this moment is newer than what Python knows
      if (document.activeElement !== number && document.activeElement !== slider) {
        number.value = texts[name];
      }
      const valid = !Object.hasOwn(errors, name);
      if (valid && document.activeElement !== slider) {
        slider.value = Number(texts[name].replace("−", "-"));
      }
      number.ariaInvalid = String(!valid);
      message.textContent = valid ? "" : errors[name];
    }
  };

  let walk;
  let section;
  let stepping;
  let drawn;
  const showSteps = () => {
    Object.assign(walk, model.get("told"));
    stepping.show(stepping.at()); // the same step, with its new numbers
  };
  // what is told is of the picture that came with it, whichever of the two is announced first
  const showWalk = () => (model.get("picture") === drawn ? showSteps() : showPicture());
  const description = () => walk.steps.map((step) => step.text).join("\n");
  const showPicture = () => {
    const before = stepping?.at();
    const atEnd = !stepping || before === walk.steps.length - 1;
    drawn = model.get("picture");
    walk = { ...drawn, ...model.get("told") };
    const next = make("div", { className: "mg-stepper" }, make("img", { alt: description() }));
    if (section) section.replaceWith(next);
    else root.append(next);
    section = next;
    stepping = stepper(section, walk);
    centre(new Map([...section.querySelectorAll("[data-part]")].map((one) => [one.dataset.part, one])));
    for (const [name, plate] of Object.entries(walk.held)) {
      const { slider, moved } = fields.get(name);
      drag(part(plate), slider, moved);
    }
    stepping.show(atEnd ? walk.steps.length - 1 : before);
  };
  const part = (id) => section.querySelector(`[data-part="${id}"]`);
  const showWrong = () => {
    section.querySelector(".mg-wrong")?.classList.remove("mg-wrong");
    part(model.get("wrong") || "none")?.classList.add("mg-wrong");
  };
  const answered = () => {
    clearTimeout(waiting);
    status.textContent = "";
  };

  const listeners = [
    ["change:picture change:told", showWalk],
    ["change:errors change:texts", showFields],
    ["change:wrong", showWrong],
    ["change:answered", answered],
  ];
  for (const [event, listener] of listeners) model.on(event, listener);
  showWalk();
  showFields();

  const still = document.querySelectorAll(`[data-mg-play="${model.get("name")}"]`);
  for (const element of still) element.hidden = true;
  return () => {
    clearTimeout(waiting);
    for (const [event, listener] of listeners) model.off(event, listener);
    for (const element of still) element.hidden = false;
  };
}

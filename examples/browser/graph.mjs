// The Graph tab: code on one side, and the page that Python makes of it on the other.
import * as address from "./address.mjs";
import { editor } from "./editor.mjs";
import { EXAMPLES } from "./examples.mjs";
import { show, start } from "./python.mjs";

const VIEWS = { picture: "Picture", step: "Step", card: "Card", play: "Play", quiz: "Quiz" };

export function mount(section) {
  const find = (selector) => section.querySelector(selector);
  const [numbers, examples, views, wire] = ["#numbers", "#examples", "#views", "#wire"].map(find);
  const [running, stopping, told, printed] = ["#run", "#stop", "#told", "#printed"].map(find);
  const frame = find("iframe");
  const code = editor(find("#code"), "Code", run);
  let worker;
  let ready = false; // Python
  let note = "Press Run."; // what is told when Python is there
  let ran = ""; // the code that was run last
  let shared = ""; // the state that the address has
  let asked = false; // to run what stands there; what a link brought does not run by itself

  for (const { title } of EXAMPLES) examples.add(new Option(title));
  for (const [value, title] of Object.entries(VIEWS)) {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "view", value });
    label.append(input, title);
    views.append(label);
  }

  const view = () => views.querySelector(":checked").value;

  // What is shared, the code under the tab's own name.
  const state = () => ({
    graph: code.text(), numbers: numbers.value, view: view(), ...(view() === "card" && { wire: wire.value }),
  });

  function fill(state) {
    code.write(state.graph);
    numbers.value = state.numbers ?? "";
    views.querySelector(`[value="${state.view in VIEWS ? state.view : "step"}"]`).checked = true;
    wire.replaceChildren(new Option(state.wire ?? ""));
    wire.parentElement.hidden = true;
    asked = false;
  }

  function tell(text, wrong = false) {
    told.textContent = text;
    told.classList.toggle("error", wrong);
  }

  function begin() {
    ready = false;
    worker = start("graph.worker.mjs");
    worker.addEventListener("message", ({ data }) => {
      if ("doing" in data) tell(data.doing);
      else if ("failed" in data) tell(`Python could not be loaded: ${data.failed}`, true);
      else if ("ready" in data) begun();
      else answered(data);
    });
    worker.addEventListener("error", ({ message }) => broken(message));
  }

  function begun() {
    ready = true;
    navigator.serviceWorker?.register("keep.js");
    if (asked) run();
    else tell(note);
  }

  function run() {
    asked = true;
    shared = `${new URLSearchParams(state())}`;
    address.write("graph", state());
    if (!ready || !stopping.disabled) return; // until Python is there, or has answered
    const { graph, ...rest } = state();
    ran = graph;
    note = "Press Run.";
    tell("Running.");
    stopping.disabled = false;
    running.disabled = true;
    worker.postMessage({ code: graph, ...rest });
  }

  function stop() {
    worker.terminate();
    idle();
    asked = false;
    begin();
  }

  // What Python itself does not survive, such as thousands of nested parentheses, ends its worker.
  function broken(message) {
    if (!ready) return tell(`Python could not be loaded: ${message}`, true);
    note = `That was too much for Python, which was started again: ${message.split("\n")[0]}`;
    stop();
  }

  function idle() {
    stopping.disabled = true;
    running.disabled = false;
  }

  function answered({ html, error, field, line, wires, printed: text }) {
    idle();
    printed.textContent = text;
    printed.hidden = !text;
    numbers.ariaInvalid = String(error !== undefined && field === "numbers");
    code.wrong(code.text() === ran ? line ?? null : null);
    if (error !== undefined) {
      tell(line ? `Line ${line}: ${error}` : error, true);
      if (field === "numbers") numbers.focus();
      return; // what was shown before stays
    }
    wire.parentElement.hidden = !wires;
    if (wires) {
      const chosen = wires.includes(wire.value) ? wire.value : wires[0];
      wire.replaceChildren(...wires.map((name) => new Option(name, name, false, name === chosen)));
    }
    show(frame, html).then(() => stopping.disabled && tell(""));
  }

  // Takes over what the address says, unless it stands here already; whether it says anything.
  function read() {
    const given = address.read("graph");
    if (given && `${given}` !== shared) fill(Object.fromEntries(given));
    return given !== null;
  }

  running.addEventListener("click", run);
  stopping.addEventListener("click", stop);
  section.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === numbers) run();
  });
  views.addEventListener("change", () => asked && run());
  wire.addEventListener("change", () => asked && run());
  examples.addEventListener("change", () => {
    fill(EXAMPLES[examples.selectedIndex - 1]);
    examples.selectedIndex = 0;
    run();
  });
  addEventListener("hashchange", read);

  if (!read()) {
    fill(EXAMPLES[0]);
    asked = true;
  }
  begin();
}

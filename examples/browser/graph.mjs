// The Graph tab: code on one side, and the page that Python makes of it on the other.
import { read, write } from "./address.mjs";
import { editor } from "./editor.mjs";
import { EXAMPLES } from "./examples.mjs";
import { show, start } from "./python.mjs";

const VIEWS = {
  picture: "Picture", step: "Step", play: "Play", quiz: "Quiz",
};

export function mount(section) {
  const find = (selector) => section.querySelector(selector);
  const [numbers, examples] = [find("#numbers"), find("#examples")];
  const [running, stopping] = [find("#run"), find("#stop")];
  const [told, printed, frame] = [find("#told"), find("#printed"), find("iframe")];
  const code = editor(find("#code"), "Code", run);
  const views = find("#views");
  let worker;
  let waiting = false; // for Python, to run what is there as soon as it can

  for (const { title } of EXAMPLES) examples.add(new Option(title));
  for (const [value, title] of Object.entries(VIEWS)) {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "view", value });
    label.append(input, title);
    views.append(label);
  }

  const state = () => ({ code: code.text(), numbers: numbers.value, view: views.querySelector(":checked").value });

  function fill({ code: text, numbers: given, view }) {
    code.write(text);
    numbers.value = given;
    views.querySelector(`[value="${view in VIEWS ? view : "step"}"]`).checked = true;
  }

  function tell(text, error = false) {
    told.textContent = text;
    told.classList.toggle("error", error);
  }

  function busy(is) {
    stopping.disabled = !is;
  }

  function begin() {
    worker = start("graph.worker.mjs");
    worker.ready = false;
    worker.addEventListener("message", ({ data }) => {
      if ("doing" in data) tell(data.doing);
      else if ("failed" in data) tell(`Python could not be loaded: ${data.failed}`, true);
      else if (data.ready) ready();
      else shown(data);
    });
    worker.addEventListener("error", ({ message }) => tell(`Python could not be loaded: ${message}`, true));
  }

  function ready() {
    worker.ready = true;
    tell("Ready: press Run.");
    navigator.serviceWorker?.register("keep.js");
    if (waiting) run();
  }

  function run() {
    waiting = !worker.ready;
    write("graph", address());
    if (waiting) return;
    tell("Running.");
    busy(true);
    worker.postMessage(state());
  }

  const address = () => {
    const { code: graph, ...rest } = state();
    return { graph, ...rest };
  };

  function shown(answer) {
    busy(false);
    printed.textContent = answer.printed;
    printed.hidden = !answer.printed;
    numbers.ariaInvalid = String("error" in answer && answer.field === "numbers");
    if ("error" in answer) {
      tell(answer.line ? `Line ${answer.line}: ${answer.error}` : answer.error, true);
      code.wrong(answer.line);
      if (answer.field === "numbers") numbers.focus();
      return;
    }
    tell("");
    code.wrong(null);
    show(frame, answer.html);
  }

  function stop() {
    worker.terminate();
    busy(false);
    waiting = false;
    begin();
  }

  function given() {
    const asked = read("graph");
    if (asked) fill({ code: asked.get("graph"), numbers: asked.get("numbers") ?? "", view: asked.get("view") });
    return asked;
  }

  running.addEventListener("click", run);
  stopping.addEventListener("click", stop);
  views.addEventListener("change", run);
  numbers.addEventListener("keydown", (event) => {
    if (event.key === "Enter") run();
  });
  examples.addEventListener("change", () => {
    fill(EXAMPLES[examples.selectedIndex - 1]);
    examples.selectedIndex = 0;
    run();
  });
  addEventListener("hashchange", given);

  if (!given()) {
    fill(EXAMPLES[0]);
    waiting = true;
  }
  begin();
}

// Loads Python with this package, and Graphviz; then each expression becomes a walkthrough.
const WALK = `
from micrograd_plus.drawing.dot import layout
from micrograd_plus.drawing.walkthrough import step_through
from micrograd_plus.parsing import from_text, read_numbers

layout.in_browser = in_browser

def read(numbers):
    return read_numbers(numbers.replace(",", " ").split())

def walk(text, numbers):
    return step_through(from_text(text, numbers))._repr_html_()
`;

const form = document.querySelector("form");
const { expression, numbers } = form.elements;
const button = form.querySelector("button");
const told = document.querySelector("#told");
const shown = document.querySelector("#walk");

function tell(text, field) {
  told.textContent = text;
  told.className = field ? "error" : "";
  for (const input of [expression, numbers]) input.ariaInvalid = String(input === field);
  field?.focus();
}

// The last line of Python's traceback, without the name of the error's class.
function message(error) {
  return error.message.trim().split("\n").at(-1).replace(/^[\w.]+: /, "");
}

async function load() {
  const [python, viz, wheels] = await Promise.all([
    import("pyodide").then(({ loadPyodide }) => loadPyodide()),
    import("viz").then(({ instance }) => instance()),
    fetch("wheels.json").then((response) => response.json()),
  ]);
  for (const wheel of wheels) {
    const file = await fetch(wheel);
    if (!file.ok) throw new Error(`${wheel}: ${file.status} ${file.statusText}`);
    python.unpackArchive(await file.arrayBuffer(), "wheel");
  }
  const inBrowser = (source) => viz.renderString(source, { format: "svg" });
  python.globals.set("in_browser", inBrowser);
  python.runPython(WALK);
  return python;
}

function walk(python) {
  let field = numbers;
  let html;
  try {
    const read = python.globals.get("read")(numbers.value);
    field = expression;
    html = python.globals.get("walk")(expression.value, read);
    read.destroy();
  } catch (error) {
    return tell(message(error), field); // the last valid walkthrough stays
  }
  tell("");
  shown.innerHTML = html;
  // a script inserted as text runs only if it is created again
  const script = shown.querySelector("script");
  const living = document.createElement("script");
  living.textContent = script.textContent;
  script.replaceWith(living);
  shown.querySelector(".mg-stepper").focus({ preventScroll: true });
  const given = new URLSearchParams({ expression: expression.value, numbers: numbers.value });
  history.replaceState(null, "", `#${given}`); // a link to it; the part after # is never sent to a server
}

const asked = new URLSearchParams(location.hash.slice(1));
for (const input of [expression, numbers]) input.value = asked.get(input.name) ?? input.value;
try {
  const python = await load();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    walk(python);
  });
  button.disabled = false;
  walk(python);
} catch (error) {
  tell(`Python could not be loaded: ${message(error)}`);
  told.className = "error";
}

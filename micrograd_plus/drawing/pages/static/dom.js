// An element with properties and children. Properties such as ariaLabel are attributes, too.
export function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// The same in another namespace, "svg" or "math", with attributes.
export function drawn(kind, tag, attributes, ...children) {
  const spaces = { svg: "http://www.w3.org/2000/svg", math: "http://www.w3.org/1998/Math/MathML" };
  const element = document.createElementNS(spaces[kind], tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A button that shows a sign, and what it does as a tooltip and to screen readers.
export function button(sign, label, action, properties) {
  const looks = { type: "button", textContent: sign, title: label, ariaLabel: label };
  const element = make("button", { ...looks, ...properties });
  element.addEventListener("click", action);
  return element;
}

// Calls a function at the window's events as long as an element is on the page.
export function whileShown(element, event, action) {
  const listener = (...given) =>
    element.isConnected ? action(...given) : removeEventListener(event, listener);
  addEventListener(event, listener);
}

// The arrow keys belong to the fields within an element: JupyterLab would go on to the next cell.
export function keepArrows(element) {
  element.addEventListener("keydown", (event) => {
    if (event.key.startsWith("Arrow") && event.target.matches("input, select")) event.stopPropagation();
  });
}

// Wires that open a card: a click, or Enter, shows every path to the output, and lights it.
// The arrow keys up and down lead from wire to wire.
import { button, drawn, make } from "./dom.js";
import { described, typeset } from "./paths.js";

export function wires(walk, parts, aside, reveal) {
  const ids = Object.keys(walk.wires).filter((id) => parts.has(id));
  let opened = null;

  for (const id of ids) {
    const element = parts.get(id);
    element.role = "button";
    element.tabIndex = -1;
    element.querySelector("title")?.remove();
    const { x, y, width, height } = element.getBBox(); // between its lines and numbers, too
    element.prepend(drawn("svg", "title", {}), drawn("svg", "desc", {}),
      drawn("svg", "rect", { x, y, width, height, fill: "transparent" }));
    for (const part of [element, parts.get(id.replace("v", "s"))]) {
      part?.addEventListener("click", () => open(id));
    }
    element.addEventListener("keydown", (event) => {
      const action = {
        Enter: () => open(id), " ": () => open(id),
        ArrowUp: () => go(id, -1), ArrowDown: () => go(id, 1),
      }[event.key];
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      action();
    });
  }
  for (const { lit, edge } of walk.steps) {
    if (edge) parts.get(edge.wire)?.addEventListener("click", () => open(lit[0]));
  }
  parts.get(ids.at(-1)).tabIndex = 0;

  function go(id, by) {
    const next = parts.get(ids[(ids.indexOf(id) + by + ids.length) % ids.length]);
    for (const other of ids) parts.get(other).tabIndex = -1;
    next.tabIndex = 0;
    next.focus({ preventScroll: true });
    reveal([next]);
  }

  function light(paths) {
    for (const part of parts.values()) part.classList.remove("along");
    const edges = paths.flatMap((path) => path.steps.map((i) => walk.steps[i]));
    const lit = edges.flatMap(({ edge, lit }) => [...lit, edge.above, edge.above.replace("v", "s")]);
    for (const id of [...lit, ...(paths.length ? [opened] : [])]) parts.get(id)?.classList.add("along");
  }

  function open(id) {
    opened = id;
    const wire = walk.wires[id];
    const { paths, total } = typeset(wire, walk.output, walk.steps);
    const ways = paths.map(({ names, equation }, i) => {
      const way = button(names, "", () => {
        for (const other of card.querySelectorAll(".mg-way")) other.ariaPressed = String(other === way);
        light([wire.paths[i]]);
      }, { className: "mg-way", title: "Light this path alone", ariaLabel: null, ariaPressed: "false" });
      return make("li", {}, way, equation);
    });
    const card = make("section", { className: "mg-card", tabIndex: -1, ariaLabel: `The wire ${wire.name}` },
      button("×", "Close", close, { className: "mg-close", title: "Close (Escape)" }),
      make("p", { className: "mg-formula", textContent: formula(id) }),
      ...(wire.paths[0].steps.length ? [make("ol", {}, ...ways)] : []),
      ...(wire.more ? [make("p", { textContent: `${wire.more} more paths: ${wire.rest}` })] : []),
      total,
    );
    card.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
    });
    aside.querySelector(".mg-card")?.remove();
    aside.append(card);
    aside.scrollTop = 0;
    light(wire.paths);
    card.focus({ preventScroll: true });
    requestAnimationFrame(() => reveal([parts.get(id)])); // there is less room now
  }

  function close() {
    const card = aside.querySelector(".mg-card");
    const inside = card?.contains(document.activeElement);
    card?.remove();
    light([]);
    if (inside) parts.get(opened).focus({ preventScroll: true });
  }

  const formula = (id) =>
    walk.steps.find(({ phase, lit }) => phase === "forward" && lit[0] === id)?.text
      ?? `${walk.wires[id].name} = ${walk.wires[id].value}`;

  // What is written beneath the pointer, and read aloud: as much as the picture shows.
  function describe(id, valued, differentiated) {
    const { name, gradient } = walk.wires[id];
    const told = [valued ? formula(id) : name];
    if (differentiated) told.push(`∂${walk.output}/∂${name} = ${gradient}`);
    const [title, desc] = parts.get(id).children;
    title.textContent = told.join("; ");
    desc.textContent = differentiated ? described(walk.wires[id], walk.output, walk.steps) : "";
  }
  return { describe, open, close };
}

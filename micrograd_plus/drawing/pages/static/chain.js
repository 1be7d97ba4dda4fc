// The chain rule at a step: the upstream gradient's wire, and the local derivative at the gate, in
// the sentence and in the picture alike, told apart by form as well as by colour.
import { drawn, make } from "./dom.js";

const GAP = 4; // points between a gate and what is written at it
const ROOM = 1.8; // for the numbers beside it, in the height of what is written

// upstream 4 × local 1 = 4
export function chainRule({ upstream, local, share }) {
  const part = (kind, text) => make("span", { className: `mg-${kind}`, textContent: `${kind} ${text}` });
  return [part("upstream", upstream), " × ", part("local", local), ` = ${share}`];
}

// Writes the local derivative at its gate, and lights the wire that the upstream gradient is on.
export function atGate(parts, { above, gate, wire, local }, size) {
  parts.get(above).classList.add("upstream");
  parts.get(above.replace("v", "s"))?.classList.add("upstream");
  const element = parts.get(gate);
  const box = element.getBBox();
  const tip = parts.get(wire)?.querySelector("polygon")?.getBBox();
  const fromAbove = tip && tip.y + tip.height / 2 < box.y + box.height / 2 - 1; // the wire comes from there
  const half = Math.max(box.height / 2, ROOM * size) + GAP; // the middle of the gate is as high as the wire
  const y = box.y + box.height / 2 + (fromAbove ? half + size : -half - size / 4);
  const text = drawn("svg", "text", {
    "class": "mg-local", x: box.x + box.width / 2, y, "text-anchor": "middle", "font-size": size,
    "font-family": "Helvetica,sans-serif",
  }, `local ${local}`);
  element.parentNode.append(text);
  const around = text.getBBox();
  const frame = drawn("svg", "rect", {
    "class": "mg-local", x: around.x - 3, y: around.y - 1, width: around.width + 6,
    height: around.height + 2, rx: 3,
  });
  text.before(frame);
  return [frame, text];
}

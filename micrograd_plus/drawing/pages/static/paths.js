// Every path from a wire to the output, as equations: in text, and typeset.
import { drawn, make } from "./dom.js";

const LONGEST = 6; // of a longer path the first and the last factors are written

const TEXT = {
  derivative: (of, by) => `∂${of}/∂${by}`,
  number: (text) => text,
  joined: (sign, parts) => parts.join(` ${sign} `),
};

const math = (tag, ...children) => drawn("math", tag, {}, ...children);
const MATH = {
  derivative: (...names) => math("mfrac", ...names.map((name) =>
    math("mrow", math("mo", "∂"), name === "⋯" ? math("mo", name) : math("mi", name)))),
  number: (text) => math(text === "⋯" ? "mo" : "mn", text),
  joined: (sign, parts) =>
    math("mrow", ...parts.flatMap((part, i) => (i ? [math("mo", sign), part] : [part]))),
};

const shortened = (list) =>
  list.length > LONGEST ? [...list.slice(0, LONGEST / 2), null, ...list.slice(-LONGEST / 2)] : list;

const bracketed = (text, i) => (i && text.startsWith("−") ? `(${text})` : text);

const inRow = (sign, numbers, { joined, number }) =>
  joined(sign, numbers.map((text, i) => number(bracketed(text, i))));

// What is equal: the derivatives along a path from the output on, their numbers, and the product.
function product(edges, path, notation) {
  const factors = shortened(edges).map((edge) => edge ?? { of: "⋯", by: "⋯", local: "⋯" });
  const derivatives = factors.map(({ of, by }) => notation.derivative(of, by));
  const numbers = factors.map(({ local }) => local);
  return [
    notation.joined("·", derivatives),
    ...(edges.length > 1 ? [inRow("·", numbers, notation)] : []),
    notation.number(path.product),
  ];
}

function equations(wire, output, steps, notation) {
  const along = wire.paths.map((path) => path.steps.map((i) => steps[i].edge).reverse());
  const terms = [...wire.paths.map((path) => path.product), ...(wire.rest ? [wire.rest] : [])];
  return {
    paths: wire.paths.map((path, i) => ({
      names: [wire.name, ...along[i].map(({ of }) => of).reverse()],
      equal: along[i].length ? product(along[i], path, notation) : [],
    })),
    total: [
      notation.derivative(output, wire.name),
      ...(terms.length > 1 ? [inRow("+", terms, notation)] : []),
      notation.number(wire.gradient),
    ],
  };
}

// The names along each path, and the equations as elements that go on in the next line if need be.
export function typeset(wire, output, steps) {
  const { paths, total } = equations(wire, output, steps, MATH);
  const element = (equal) => make("div", { className: "mg-equation" }, ...equal.map((part, i) =>
    drawn("math", "math", { displaystyle: "true" }, ...(i ? [math("mo", "=")] : []), part)));
  return {
    paths: paths.map(({ names, equal }) => ({
      names: shortened(names).map((name) => name ?? "⋯").join(" → "), equation: element(equal),
    })),
    total: element(total),
  };
}

export function described(wire, output, steps) {
  const { paths, total } = equations(wire, output, steps, TEXT);
  const more = wire.more ? [`${wire.more} more paths: ${wire.rest}`] : [];
  return [...paths.map(({ equal }) => equal.join(" = ")), ...more, total.join(" = ")]
    .filter(Boolean).join("\n");
}

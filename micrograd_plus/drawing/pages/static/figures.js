// Fills the places that `_tools/figures.py` keeps for numbers in texts.

const [FIRST, MARKS] = [0xa0000, 0xaf000];
const PLACE = /[\u{a0000}-\u{aefff}]/gu;
const [OPEN, CLOSE, CHAIN, LINK, END] = [0, 1, 2, 3, 4].map((i) => String.fromCodePoint(MARKS + i));
const FITTED = new RegExp(`${OPEN}(\\w+) (\\w+) ([^${OPEN}${CLOSE}]*)${CLOSE}`, "gu");
const CHAINED = new RegExp(`${CHAIN}([^${END}]*)${END}`, "gu");
const BINDING = ["sum", "negation", "product", "power", "atom"]; // from the loosest to the tightest
const RAISED = { "−": "⁻", ...Object.fromEntries([..."⁰¹²³⁴⁵⁶⁷⁸⁹"].entries()) };

const raised = (text) => [...text].map((character) => RAISED[character]).join("");

// The digits of |x|, so many of them, and its exponent: rounded exactly, ties to the even digit, as
// Python does; JavaScript rounds these up.
function digitsOf(x, count) {
  const [text, exponent] = Math.abs(x).toExponential(count - 1).split("e");
  const digits = text.replace(".", "");
  const odd = Number(digits.at(-1)) % 2;
  return [odd && isTie(x, count, exponent) ? digits.slice(0, -1) + (digits.at(-1) - 1) : digits, Number(exponent)];
}

function isTie(x, count, exponent) {
  if (Number(x.toExponential(count)) !== x) return false; // most numbers have more digits
  const [exact, before] = Math.abs(x).toExponential(100).split("e");
  return exponent === before && /^50*$/.test(exact.replace(".", "").slice(count));
}

// A number with so many significant digits, and so many decimal places at least; as `text_number`.
export function number(x, digits = 4, decimals = 0) {
  const sign = x < 0 ? "−" : "";
  if (x === 0) return decimals ? `0.${"0".repeat(decimals)}` : "0";
  const [scientific, size] = digitsOf(x, digits);
  if (Math.abs(x) < 1e-4 || Math.abs(x) >= 1e6) {
    const [first, ...others] = scientific.replace(/0+$/, "");
    const mantissa = others.length ? `${first}.${others.join("")}` : first;
    const power = `10${raised(String(size).replace("-", "−"))}`;
    return sign + (mantissa === "1" ? power : `${mantissa}·${power}`);
  }
  const places = Math.max(digits - 1 - size, Math.min(digits, 2));
  const before = Number(x.toExponential().split("e")[1]); // as rounding may have changed it
  const [found, exponent] = digitsOf(x, places + before + 1 || 1);
  const length = places + exponent + 1;
  const all = found.padEnd(length, "0").slice(0, length).padStart(places + 1, "0");
  const fraction = all.slice(all.length - places).replace(/0+$/, "").padEnd(decimals, "0");
  return sign + all.slice(0, all.length - places) + (fraction && `.${fraction}`);
}

function choice(slope, chosen) {
  if (slope === 1) return `${chosen} gets the gradient`;
  return slope === 0 ? `only ${chosen} gets the gradient` : "equal ones share the gradient";
}

const FORMS = { number, choice, sign: (x) => (x < 0 ? "negative" : "positive") };

function fitted(_, binds, wanted, text) {
  if (wanted === "superscript") {
    if (!/[^−0-9]/.test(text)) return raised(text);
    return /^\w+$/.test(text) ? `^${text}` : `^(${text})`;
  }
  let own = binds;
  if (text.startsWith("−") && binds !== "sum") own = "negation";
  else if (binds === "atom" && text.includes("·")) own = "product";
  else if (binds === "atom" && !/[0-9]$/.test(text)) own = "power";
  return BINDING.indexOf(own) < BINDING.indexOf(wanted) ? `(${text})` : text;
}

// A function that fills all texts of JSON data, by numbers and by what `Figures.places` says.
export function filler(places) {
  return (numbers) => {
    const known = new Map();
    const written = (place) => {
      if (!known.has(place)) {
        const [position, form, ...options] = places[place.codePointAt(0) - FIRST];
        known.set(place, FORMS[form](numbers[position], ...options));
      }
      return known.get(place);
    };
    const text = (given) => {
      let filled = given.replace(PLACE, written);
      if (filled === given) return given;
      while (filled.includes(OPEN)) filled = filled.replace(FITTED, fitted);
      return filled.replace(CHAINED, (_, parts) => [...new Set(parts.split(LINK))].join(" = "));
    };
    return function filled(data) {
      if (typeof data === "string") return text(data);
      if (Array.isArray(data)) return data.map(filled);
      if (data === null || typeof data !== "object") return data;
      return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, filled(value)]));
    };
  };
}

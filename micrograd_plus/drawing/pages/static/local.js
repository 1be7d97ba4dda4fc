// What `play.js` knows as the model of a widget, computed in the page instead of in Python.
import { filler } from "./figures.js";

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;

function typed(text) {
  if (!text.trim()) throw { said: "write a number, such as -1.5" };
  const shown = text.length > 20 ? `${text.slice(0, 19)}…` : text;
  if (!NUMBER.test(text.replace("−", "-"))) {
    throw { said: `'${shown}' is not a number; write one such as -1.5` };
  }
  const number = Number(text.replace("−", "-"));
  if (!Number.isFinite(number)) throw { said: `${shown} is not a finite number` };
  return number;
}

// The numbers of a graph for those of its leaves, and what fills JSON data with them; an error
// names the gate that it is at.
export function computed({ places, checks }, compute, given) {
  const numbers = compute(given);
  const fill = filler(places)(numbers);
  const wrong = checks.find(([position]) => !Number.isFinite(numbers[position]));
  if (wrong) throw { gate: wrong[1], said: fill(wrong[2]) };
  return { numbers, fill };
}

export function local(content, compute) {
  const now = { ...content.state, asked: {}, wrong: "" };
  const told = Object.fromEntries(content.told.map((key) => [key, now[key]]));
  const listeners = [];
  let given = content.given;

  function update(changes) {
    Object.assign(now, changes);
    for (const [events, listener] of listeners) {
      if (Object.keys(changes).some((key) => events.includes(`change:${key}`))) listener();
    }
  }

  // Sets the text of a field; if it is invalid, all else stays, and `errors` says why. Other
  // invalid fields are tried again: they may be valid with the new number. As in `Panel.change`.
  function change(name, text) {
    const texts = { ...now.texts, [name]: text };
    let errors = now.errors;
    let wrong = "";
    for (const names of [[...new Set([...Object.keys(errors), name])], [name]]) {
      try {
        const next = [...given];
        for (const one of names) next[content.leaves[one]] = typed(texts[one]);
        const filled = computed(content, compute, next).fill(told);
        given = next;
        errors = Object.fromEntries(Object.entries(errors).filter(([one]) => !names.includes(one)));
        return update({ ...filled, texts, errors, wrong: "", answered: now.asked.count });
      } catch (error) {
        if (error.said === undefined) throw error;
        errors = { ...errors, [name]: error.said };
        wrong = error.gate ?? "";
      }
    }
    update({ texts, errors, wrong, answered: now.asked.count });
  }

  Object.assign(now, computed(content, compute, given).fill(told));
  return {
    get: (key) => now[key],
    set: (key, value) => { now[key] = value; },
    save_changes: () => change(now.asked.name, now.asked.text),
    on: (events, listener) => listeners.push([events.split(" "), listener]),
    off() {},
  };
}

// Turns an element with a static picture into a quiz: each "?" is asked for in turn.
import { make } from "./dom.js";
import { fresh } from "./fresh.js";
import { judge, posed } from "./judge.js";
import { computed } from "./local.js";
import { centre, picture } from "./picture.js";
import { stage } from "./stage.js";

const TRIALS = 200; // of other numbers
const isEasy = (x) => x === 0 || (Math.abs(x) >= 0.01 && Math.abs(x) < 1000);
const INKS = { data: "forward", grad: "gradient" };

export function quiz(root, content, compute) {
  const { alt, like } = { alt: root.querySelector("img")?.alt, like: content.given, ...content };
  const button = (textContent, type, action) => {
    const element = make("button", { type, textContent });
    if (action) element.addEventListener("click", action);
    return element;
  };
  const asked = make("span", { className: "mg-asked" });
  const input = make("input", {
    type: "text", autocomplete: "off", spellcheck: false, size: 12, maxLength: content.rule.longest,
  });
  const count = make("span", { className: "mg-count" });
  const form = make("form", {},
    make("label", {}, asked, input), button("Check", "submit"),
    button("Show the answer", "button", () => tell("The answer is", false)), count);
  // read aloud when it changes
  const reply = make("div", { className: "mg-sentence mg-reply", role: "status" });
  const solved = make("ol", { className: "mg-solved" });
  const again = button("Start again", "button", () => restart(content.given));
  const others = button("New numbers", "button", () => restart(easiest()));

  let shown;
  let questions;
  let parts;
  let svg;
  let reveal;
  let current;
  let tries;
  let score;

  // The questions for some numbers of the leaves.
  function pose(given) {
    const { numbers, fill } = computed(content, compute, given);
    const filled = fill(content.told);
    shown = filled.shown;
    questions = filled.questions.map((question) => posed(question, numbers, content.rule));
  }

  function restart(given) {
    const next = root.cloneNode(false); // without what listens to this one's keys
    root.replaceWith(next);
    quiz(next, { ...content, alt, like, given }, compute);
    next.querySelector("input").focus();
  }

  // How many answers are hard to write at some numbers; infinite where not all are finite.
  function hardness(given) {
    try {
      const { numbers } = computed(content, compute, given);
      return content.told.questions.filter(({ number }) => !isEasy(numbers[number])).length;
    } catch (error) {
      if (error.said === undefined) throw error;
      return Number.POSITIVE_INFINITY;
    }
  }

  // Of some other numbers for the leaves those with the easiest answers.
  function easiest() {
    let best = { given: content.given, hard: Number.POSITIVE_INFINITY };
    for (let trial = 0; trial < TRIALS && best.hard > 0; trial += 1) {
      const given = fresh(like);
      const hard = hardness(given);
      if (hard < best.hard) best = { given, hard };
    }
    return best.given;
  }

  const find = (plate, ink) =>
    [...parts.get(plate).querySelectorAll("text")].find((text) => text.dataset.ink === ink);
  const blank = (question) => find(question.plate, INKS[question.slot]);

  function start() {
    ({ svg, parts } = picture(content.svg, content.inks, alt));
    centre(parts);
    for (const [plate, slot, number] of shown) find(plate, INKS[slot]).textContent = number;
    for (const title of svg.querySelectorAll("title")) title.remove(); // with numbers of the layout
    reveal = stage(root, svg, {
      css: content.css, said: make("div", { className: "mg-said" }, form, reply),
      controls: make("div", { className: "mg-controls" }, again, others),
      aside: make("div", { className: "mg-aside" }, solved),
    });
    score = { right: 0, first: 0, asked: questions.length };
    form.hidden = false;
    again.hidden = true;
    say("");
    ask(0);
  }

  function ask(next) {
    current = next;
    tries = 0;
    input.value = "";
    input.ariaInvalid = null;
    for (const part of parts.values()) part.classList.remove("lit");
    for (const text of svg.querySelectorAll(".mg-now")) text.classList.remove("mg-now");
    if (current === questions.length) return finish();
    const question = questions[current];
    for (const id of question.lit) parts.get(id)?.classList.add("lit");
    blank(question).classList.add("mg-now");
    reveal([parts.get(question.plate), ...question.lit.map((id) => parts.get(id)).filter(Boolean)]);
    asked.textContent = `${question.asked} =`;
    count.textContent = `${current + 1} / ${questions.length}`;
  }

  function finish() {
    const done = content.score.replace(/{(\w+)}/g, (_, name) => score[name]);
    reply.append(make("strong", { className: "mg-score", textContent: done }));
    const inside = form.contains(document.activeElement);
    form.hidden = true;
    again.hidden = false;
    if (inside) again.focus(); // the keyboard must not lose its place
  }

  function say(text, mood = "") {
    reply.replaceChildren(text);
    reply.dataset.mood = mood;
  }

  // Shows the number in the picture and how it comes about, and asks the next question.
  function tell(word, right) {
    const question = questions[current];
    blank(question).textContent = question.shown;
    svg.ariaLabel += ` ${question.solution.at(-1)}.`;
    for (const line of question.solution) solved.append(make("li", { textContent: line }));
    say(`${word}: ${question.solution.at(-1)}`, right ? "right" : "told");
    ask(current + 1);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const question = questions[current];
    const verdict = judge(question, input.value, content.rule);
    input.ariaInvalid = String(!verdict?.right);
    if (!verdict) return say(`That is not a number: ${content.unreadable}.`, "wrong");
    tries += 1;
    if (verdict.right) {
      score.right += 1;
      score.first += tries === 1;
      return tell("Right", true);
    }
    if (tries === content.tries) return tell("Not right; the answer is", false);
    say(`Not yet. ${verdict.hint}`, "wrong");
    input.select();
  });
  form.addEventListener("keydown", (event) => event.stopPropagation()); // no notebook's shortcuts
  pose(content.given);
  start();
}

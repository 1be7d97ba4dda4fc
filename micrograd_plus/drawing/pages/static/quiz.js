// Turns an element with a static picture into a quiz: each "?" is asked for in turn.
import { make } from "./dom.js";
import { judge } from "./judge.js";
import { picture } from "./picture.js";

export function quiz(root, content) {
  const { alt } = root.querySelector("img");
  const bytes = Uint8Array.from(atob(content.questions), (letter) => letter.charCodeAt(0));
  const questions = JSON.parse(new TextDecoder().decode(bytes));
  const button = (textContent, type, action) => {
    const element = make("button", { type, textContent });
    if (action) element.addEventListener("click", action);
    return element;
  };
  const frame = make("div", { className: "mg-picture" });
  const asked = make("span", { className: "mg-asked" });
  const input = make("input", {
    type: "text", autocomplete: "off", spellcheck: false, size: 12, maxLength: content.rule.longest,
  });
  const count = make("span", { className: "mg-count" });
  const form = make("form", { className: "mg-controls" },
    make("label", {}, asked, input), button("Check", "submit"),
    button("Show the answer", "button", () => tell("The answer is", false)), count);
  // read aloud when it changes
  const reply = make("div", { className: "mg-sentence mg-reply", role: "status" });
  const solved = make("ol", { className: "mg-solved" });
  const again = button("Start again", "button", () => { start(); input.focus(); });
  root.replaceChildren(make("style", { textContent: content.css }), frame, form, reply, again, solved);

  let parts;
  let svg;
  let current;
  let tries;
  let score;

  const find = (question, ink) =>
    [...parts.get(question.plate).querySelectorAll("text")].find((text) => text.dataset.ink === ink);
  const blank = (question) => find(question, question.ink);

  // Makes room for a number where there is a question mark.
  function center(question) {
    const corners = [...parts.get(question.plate).querySelector("polygon").points];
    const [left, right] = [Math.min, Math.max].map((f) => f(...corners.map(({ x }) => x)));
    const place = (text, x, anchor) => {
      text.setAttribute("x", x);
      text.setAttribute("text-anchor", anchor);
    };
    const name = question.ink === "forward" && find(question, "name");
    if (name) place(name, left + 1, "start");
    if (name) place(blank(question), right - 1, "end");
    else place(blank(question), (left + right) / 2, "middle");
  }

  function start() {
    ({ svg, parts } = picture(content.svg, content.inks, alt));
    frame.replaceChildren(svg);
    for (const question of questions) center(question);
    solved.replaceChildren();
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
  start();
}

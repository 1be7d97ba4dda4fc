// Which answers are right, and the hint if one is not: the same rules as in walk/questions.py.

// The number that a text gives, and half a unit of its last digit; null if it is no number.
function read(text, { answer, minus, power, raised, longest }) {
  const plain = text.replace(new RegExp(power, "g"), (_, times, negative, digits) => {
    const exponent = [...digits].map((digit) => raised.indexOf(digit)).join("");
    return `${times ? "" : "1"}e${negative && "-"}${exponent}`;
  }).replace(new RegExp(minus, "g"), "-");
  const found = text.length <= longest && plain.match(answer);
  if (!found) return null;
  const [, above, decimals = "", exponent = "0", below] = found;
  const number = Number(above) / Number(below ?? 1);
  if (!Number.isFinite(number)) return null;
  return { number, half: below ? 0 : Number(`1e${Number(exponent) - decimals.length}`) / 2 };
}

const near = ([target, slack], { number }, distance) => Math.abs(number - target) <= distance + slack;
const agrees = (target, answer) => near(target, answer, Math.min(answer.half, target[2]));

// A number to compare with, the error that floats explain, and half a unit of its second digit.
function target(number, terms) {
  const slack = 1e-9 * Math.max(...[number, ...terms].filter(Number.isFinite).map(Math.abs));
  const exponent = Number(number.toExponential(6).split("e")[1]);
  return [number, slack, number ? Number(`5e${exponent - 2}`) : 0];
}

// A question with its numbers: the right one, and those of mistakes, all of them different.
export function posed(question, numbers, rule) {
  const number = numbers[question.number];
  const right = target(number, question.terms.map((position) => numbers[position]));
  const seen = [right];
  const mistakes = [];
  for (const [position, hint] of question.wrong) {
    const wrong = numbers[position];
    if (mistakes.length === rule.most) break;
    if (!Number.isFinite(wrong) || seen.some((one) => agrees(one, read(String(wrong), rule)))) continue;
    seen.push(target(wrong, [number]));
    mistakes.push([seen.at(-1), hint]);
  }
  return { ...question, target: right, mistakes };
}

// Whether an answer is right, and the hint if not; null if it is not a number.
export function judge(question, text, rule) {
  const answer = read(text, rule);
  if (!answer) return null;
  if (agrees(question.target, answer)) return { right: true, hint: "" };
  const mistake = question.mistakes.find(([wrong]) => agrees(wrong, answer));
  if (mistake) return { right: false, hint: mistake[1] };
  const close = near(question.target, answer, question.target[2]);
  return { right: false, hint: close ? rule.close : question.hint };
}

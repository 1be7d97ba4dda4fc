// Whether an answer is right, and the hint if not; null if it is not a number.
// The same rule as Question.judge, on the same numbers.
export function judge(question, text, rule) {
  const { answer, minus, longest, close } = rule;
  const found = text.length <= longest && text.replace(new RegExp(minus, "g"), "-").match(answer);
  if (!found) return null;
  const [, above, decimals = "", exponent = "0", below] = found;
  const number = Number(above) / Number(below ?? 1);
  if (!Number.isFinite(number)) return null;
  const half = below ? 0 : Number(`1e${Number(exponent) - decimals.length}`) / 2;
  const near = ([target, slack], distance) => Math.abs(number - target) <= distance + slack;
  const agrees = (target) => near(target, Math.min(half, target[2]));
  if (agrees(question.target)) return { right: true, hint: "" };
  const mistake = question.mistakes.find(([target]) => agrees(target));
  if (mistake) return { right: false, hint: mistake[1] };
  return { right: false, hint: near(question.target, question.target[2]) ? close : question.hint };
}

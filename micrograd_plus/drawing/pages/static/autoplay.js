// A button that goes on by itself, and how fast.
import { button, make } from "./dom.js";

const SECONDS = [8, 5, 3, 1]; // for a step

// `next` goes on by a step, and returns whether there are more.
export function autoplay(next) {
  let timer = 0;
  const speed = make("select", { ariaLabel: "Speed", title: "Speed" },
    ...SECONDS.map((seconds) => make("option", { value: seconds, selected: seconds === 3 }, `${seconds} s`)));
  const toggle = button("Play", "Go on by itself", () => (timer ? stop() : start()), { ariaLabel: null });

  function label(text) {
    toggle.textContent = text;
  }
  function start() {
    label("Pause");
    timer = setTimeout(() => (next() ? start() : stop()), speed.value * 1000);
  }
  function stop() {
    clearTimeout(timer);
    timer = 0;
    label("Play");
  }
  return { controls: [toggle, speed], stop };
}

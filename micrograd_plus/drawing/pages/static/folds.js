// A picture in which folds open. If the page is its own, the number of the picture shown stands in
// the address, so the browser's Back button leads out of a fold.
import { make } from "./dom.js";
import { picture } from "./picture.js";
import { stage } from "./stage.js";

// Elements in the order of reading, which the keyboard follows: by columns, from top to bottom.
function arrangeInReadingOrder(elements) {
  const places = new Map(elements.map((element) => [element, element.getBoundingClientRect()]));
  const column = (element) => Math.round(places.get(element).x + places.get(element).width / 2);
  elements.sort((a, b) => column(a) - column(b) || places.get(a).y - places.get(b).y);
  for (const element of elements) element.parentNode.append(element);
}

export function folds(element, content) {
  const { views, inks, css } = content;
  const way = make("nav", { className: "mg-way", ariaLabel: "Where this picture stands" });
  let root = element;
  const own = root.closest(".mg-page"); // or the address may be that of another picture, or a text
  const open = own ? (i) => { location.hash = i; } : (i) => show(i);

  const ancestors = (i) => (i === null ? [] : [...ancestors(views[i].above), i]);

  function opener(element, target) {
    const texts = [...element.querySelectorAll("text")].map((text) => text.textContent).join(" ");
    const label = `Open ${views[target].title}: ${texts}`;
    Object.assign(element, { role: "link", ariaLabel: label, tabIndex: 0 });
    element.addEventListener("click", () => open(target));
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      open(target);
    });
  }

  let current = null;
  function leave(event) {
    const { above } = views[current];
    if (event.key === "Escape" && above !== null) open(above);
  }
  function read() {
    show(Number(location.hash.slice(1)));
  }
  function show(wanted) {
    const view = wanted in views ? wanted : 0;
    if (view === current) return;
    const before = current;
    current = view;
    const { svg, parts } = picture(views[view].svg, inks, `Picture of ${views[view].title}`);
    svg.role = "group"; // there are links in it
    const fresh = root.cloneNode(false); // without what listens to the last picture's keys
    root.replaceWith(fresh);
    root = fresh;
    root.addEventListener("keydown", leave);
    stage(root, svg, { css, said: way, controls: make("div", { className: "mg-controls" }) });
    let from = svg.parentElement;
    const opening = [];
    for (const [i, target] of Object.entries(views[view].opens)) {
      const element = parts.get(`o${i}`) ?? parts.get(`v${i}`);
      opener(element, target);
      opening.push(element);
      if (ancestors(before).includes(target)) from = element; // back out of it
    }
    arrangeInReadingOrder(opening);
    const path = views.length > 1 ? ancestors(view) : [];
    way.replaceChildren(...path.flatMap((i) => {
      const { title } = views[i];
      const here = i === view;
      const step = here
        ? make("span", { ariaCurrent: "page" }, title)
        : make("a", { href: `#${i}`, onclick: (event) => { event.preventDefault(); open(i); } }, title);
      return i ? [" › ", step] : [step];
    }));
    if (before !== null) from.focus({ preventScroll: true });
  }
  if (!own) return show(0);
  addEventListener("hashchange", read);
  read();
}

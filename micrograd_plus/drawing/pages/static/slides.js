// Slides of one picture, turned by keys, by a remote control or a click. The number of the slide
// stands in the page's address.
export function slides() {
  const svg = document.querySelector("svg");
  const said = [...document.querySelectorAll("li")];
  const last = said.length - 1;
  let current = 0;

  function draw(picture, slide) {
    for (const mark of picture.querySelectorAll("[data-on]")) {
      mark.toggleAttribute("hidden", !mark.dataset.on.split(" ").includes(String(slide)));
    }
  }
  function show(slide) {
    current = Math.min(Math.max(slide, 0), last);
    draw(svg, current);
    svg.ariaLabel = said[current].textContent;
    for (const [i, sentence] of said.entries()) sentence.hidden = i !== current;
    history.replaceState(null, "", `#step=${current + 1}`);
  }
  addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const target = {
      ArrowRight: current + 1, ArrowDown: current + 1, PageDown: current + 1, " ": current + 1,
      ArrowLeft: current - 1, ArrowUp: current - 1, PageUp: current - 1, Home: 0, End: last,
    }[event.key];
    if (event.key === "f") document.documentElement.requestFullscreen();
    if (target === undefined) return;
    event.preventDefault();
    show(target);
  });
  svg.addEventListener("click", () => show(current + 1));

  addEventListener("beforeprint", () => { // a page for each slide
    for (let slide = 1; slide <= last; slide += 1) {
      const copy = svg.cloneNode(true);
      draw(copy, slide);
      copy.classList.add("printed");
      document.body.append(copy);
    }
    draw(svg, 0);
  });
  addEventListener("afterprint", () => {
    for (const copy of document.querySelectorAll(".printed")) copy.remove();
    draw(svg, current);
  });
  const named = () => show((Number(/^#step=(\d+)$/.exec(location.hash)?.[1]) || 1) - 1);
  addEventListener("hashchange", named);
  named();
}

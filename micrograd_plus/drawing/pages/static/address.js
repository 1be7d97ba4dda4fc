// The step that the page's address names: #step=7, or #step2=7 of the second walkthrough.
import { whileShown } from "./dom.js";

const CALM = 300; // milliseconds: browsers refuse an address that changes all the time

export function address(root, show) {
  if (!root.closest(".mg-page")) return () => {}; // a notebook's address is not ours
  const place = [...document.querySelectorAll(".mg-page .mg-stepper")].indexOf(root);
  const key = place ? `step${place + 1}` : "step";
  let waiting = 0;

  function read() {
    const step = Number(new URLSearchParams(location.hash.slice(1)).get(key));
    if (step) show(step - 1);
    if (step && place) root.scrollIntoView();
  }
  whileShown(root, "hashchange", read);
  read();
  return (step) => {
    clearTimeout(waiting);
    const to = `${location.href.split("#")[0]}#${key}=${step + 1}`;
    waiting = setTimeout(() => history.replaceState(null, "", to), CALM);
  };
}

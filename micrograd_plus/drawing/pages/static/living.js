// Calls a function with the element before the script. Classic Notebook runs scripts in another
// place, and before the element is on its page: there it is found by its name.
export function living(name, run) {
  const before = document.currentScript?.previousElementSibling;
  const mine = before?.dataset.living === name;
  const start = () => {
    const all = [...document.querySelectorAll(`[data-living="${name}"]`)];
    const root = mine ? before : all.find((one) => !one.dataset.started);
    if (!root) return;
    root.dataset.started = "yes";
    run(root);
  };
  if (mine) start();
  else setTimeout(start);
}

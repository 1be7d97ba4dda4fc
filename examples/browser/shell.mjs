// The page's tabs: each is a module, loaded when it is first opened.
import { TABS, tab } from "./address.mjs";

const opened = new Set();

async function open() {
  const name = tab();
  for (const other of TABS) {
    document.querySelector(`#${other}`).hidden = other !== name;
    const link = document.querySelector(`nav a[data-tab="${other}"]`);
    if (other === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const section = document.querySelector(`#${name}`);
  if (opened.has(name)) return;
  opened.add(name);
  try {
    const { mount } = await import(`./${name}.mjs`);
    await mount(section);
  } catch (error) {
    section.append(`This tab could not be loaded: ${error.message}`);
  }
}

addEventListener("hashchange", open);
await open();

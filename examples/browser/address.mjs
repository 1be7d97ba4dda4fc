// The part of the page's address that belongs to a tab: #graph=… or #train=…; a link to it shares
// the tab's state, and what stands after # is never sent to a server.

export const TABS = ["graph", "train"];

// The tab that the address names, the first by default.
export function tab() {
  const given = new URLSearchParams(location.hash.slice(1));
  return TABS.find((name) => given.has(name)) ?? TABS[0];
}

// What the address says of a tab, as URLSearchParams; null if it says nothing of it.
export function read(name) {
  const given = new URLSearchParams(location.hash.slice(1));
  return given.get(name) ? given : null;
}

// Has the address say this of a tab: its name comes first, with a value that is not empty.
export function write(name, state) {
  const address = `#${new URLSearchParams(state)}`;
  document.querySelector(`nav a[data-tab="${name}"]`).href = address;
  if (tab() === name) history.replaceState(null, "", address);
}

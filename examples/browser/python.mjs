// Python for a tab, in a worker of its own, which can be stopped at any time.

// Starts the module `file` in a worker. A worker from a blob inherits the page's content security
// policy, one from an address has none.
export function start(file) {
  const address = new URL(file, import.meta.url).href;
  const blob = new Blob([`import ${JSON.stringify(address)};`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(blob), { type: "module" });
}

// Shows a page that Python wrote in `frame`, an iframe of frame.html, and waits until it is there.
export async function show(frame, html) {
  while (frame.contentDocument?.readyState !== "complete" || !frame.contentDocument.querySelector("iframe")) {
    await new Promise((done) => frame.addEventListener("load", done, { once: true }));
  }
  const inner = frame.contentDocument.querySelector("iframe");
  const there = new Promise((done) => inner.addEventListener("load", done, { once: true }));
  inner.srcdoc = html;
  await there;
}

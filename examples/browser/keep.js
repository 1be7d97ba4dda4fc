// A service worker: keeps all files of the page, so that it works without a network. A new build
// has another list of them, in files.js, and replaces what was kept when no page uses it any more.
importScripts("files.js");

const PREFIX = "micrograd-plus-playground-";
const KEPT = PREFIX + self.VERSION;

addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(self.FILES)));
});

addEventListener("activate", (event) => {
  const replaced = async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith(PREFIX) && name !== KEPT) await caches.delete(name);
    }
    await clients.claim();
  };
  event.waitUntil(replaced());
});

addEventListener("fetch", (event) => {
  const found = async () => {
    const kept = await caches.open(KEPT);
    return (await kept.match(event.request, { ignoreSearch: true })) ?? fetch(event.request);
  };
  event.respondWith(found());
});

// Runs what is typed in the Graph tab, see `answer` of graph.py; tells when it is ready to.
import { load } from "./interpreter.mjs";

try {
  const { module } = await load("graph", (doing) => postMessage({ doing }));
  addEventListener("message", ({ data }) => postMessage(JSON.parse(module.answer(JSON.stringify(data)))));
  postMessage({ ready: true });
} catch (error) {
  postMessage({ failed: error.message });
}

// Turns an element into a graph to play with, which the page computes itself.
import { make } from "./dom.js";
import { local } from "./local.js";
import { render } from "./play.js";

export function player(root, content, compute) {
  render({ model: local(content, compute), el: root });
  root.prepend(make("style", { textContent: content.css }));
}

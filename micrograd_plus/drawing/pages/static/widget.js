// What anywidget loads.
import { render } from "./play.js";

export default { render };

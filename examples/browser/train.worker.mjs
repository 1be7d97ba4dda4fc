// Trains, for the Train tab. Python writes the functions of JavaScript that do it, of checked options
// alone. To run such text this worker is started from its address, where the page's policy does not
// hold; nothing that anyone typed runs in it.
//
// It is told: `make` (what the fields say), `train` (the epochs between two pictures), `pause`,
// `step`, `seen` (the page has the last picture), `walk` ([the set, the example]).
import { load } from "./interpreter.mjs";
import { Trainer } from "./trainer.mjs";

const SIDE = 40; // points along each side of a map
let made; // the lesson of Python, its trainer, and the points of the maps
let pace = 0; // epochs between two pictures; 0: it pauses
let seen = true;

const orders = {
  make(module, { asked, extent }) {
    pace = 0;
    const [lesson, text] = module.begin(JSON.stringify(asked));
    const { functions, ...content } = JSON.parse(text);
    if (content.error) return postMessage({ refused: content });
    made?.lesson.destroy();
    const span = spanned(content, extent);
    const trainer = new Trainer({ functions, ...content });
    made = { lesson, trainer, points: grid(span, content.classifies), epoch: 0, batch: Number(asked.batch), rate: Number(asked.rate) };
    postMessage({ made: { ...content, span, side: SIDE } });
    picture();
  },
  train(_, epochs) {
    pace = epochs;
    if (seen) turn(pace);
  },
  pause() {
    pace = 0;
  },
  step() {
    pace = 0;
    turn(1);
  },
  seen() {
    seen = true;
    if (pace) turn(pace);
  },
  walk(_, [part, index]) {
    try {
      postMessage({ walk: made.lesson.walk(made.trainer.parameters, part, index) });
    } catch (error) {
      postMessage({ error: error.message.trim().split("\n").at(-1).replace(/^[\w.]+: /, "") });
    }
  },
};

// Some passes through the data, and a picture, unless a number is not finite: then nothing of the
// last pass is kept.
function turn(count) {
  const { lesson, trainer, batch, rate } = made;
  for (let i = 0; i < count; i++) {
    const { parameters, states } = trainer;
    const order = lesson.order();
    trainer.epoch(order.toJs(), batch, rate);
    order.destroy();
    if (!trainer.finite) {
      Object.assign(trainer, { parameters, states });
      pace = 0;
      return postMessage({ error: `Epoch ${made.epoch + 1}: a weight would not be finite; lower the rate.` });
    }
    made.epoch += 1;
  }
  picture();
}

function picture() {
  const { trainer, points, epoch } = made;
  seen = false;
  const maps = trainer.maps(points);
  const judged = trainer.sets.map((set) => trainer.judged(set));
  postMessage({ picture: { epoch, parameters: trainer.parameters, maps, judged } }, [maps.buffer]);
}

// The least and the largest number along both axes of the picture, with some room around the data.
function spanned({ sets, classifies }, extent) {
  const points = sets.flatMap(({ inputs, targets }) =>
    inputs.flatMap((row, i) => (classifies ? [row] : targets[i].map((target) => [row[0], target]))),
  );
  return [0, 1].map((axis) => {
    const along = points.map((point) => point[axis]).concat(extent);
    const [low, high] = [Math.min(...along), Math.max(...along)];
    const room = 0.08 * (high - low || 1);
    return [low - room, high + room];
  });
}

function grid([[left, right], [bottom, top]], plane) {
  const along = (low, high, k) => low + ((high - low) * (k + 0.5)) / SIDE;
  const columns = Array.from({ length: SIDE }, (_, k) => along(left, right, k));
  if (!plane) return columns.map((x) => [x]);
  return columns.flatMap((_, k) => columns.map((x) => [x, along(top, bottom, k)]));
}

try {
  const { module } = await load("train", (doing) => postMessage({ doing }));
  addEventListener("message", ({ data }) => {
    for (const [order, content] of Object.entries(data)) orders[order](module, content);
  });
  postMessage({ ready: true });
} catch (error) {
  postMessage({ failed: error.message });
}

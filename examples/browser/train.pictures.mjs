// The pictures of the Train tab: the plane of inputs, the network, and the losses.

const DASHES = [[], [6, 4], [6, 3, 2, 3]];

// A canvas as sharp as the screen; gives its context, its width and its height in CSS pixels.
function fresh(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const scale = devicePixelRatio;
  const size = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

// Colours of the page as the scheme has them now.
export function palette(element, { colours, heat }) {
  const dark = getComputedStyle(element).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches;
  const probe = element.appendChild(document.createElement("i"));
  const named = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const [page, text, line, name, lit] = ["page", "text", "line", "name", "gradient"].map(named);
  const [positive, negative] = ["positive", "negative"].map(named);
  probe.remove();
  return { page, text, line, name, lit, positive, negative, classes: colours[dark ? "dark" : "light"].map(bytes), heat: heat.map((colour) => packed(bytes(colour))) };
}

const bytes = (colour) => [1, 3, 5].map((k) => Number.parseInt(colour.slice(k, k + 2), 16));
const css = (colour) => `rgb(${colour.join(" ")})`;
const packed = ([red, green, blue], strength = 1) => ((255 * strength) << 24) | (blue << 16) | (green << 8) | red;

// Numbers as an image, a colour each: orange above 0, blue below, stronger for larger ones.
function heated(map, side, heat) {
  const largest = map.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
  return imaged(map.length, side, (i) => heat[100 + Math.round((100 * map[i]) / largest)]);
}

const scratch = new OffscreenCanvas(1, 1);

// An image, which is good until the next one is made.
function imaged(count, side, colour) {
  const image = new ImageData(side, count / side);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < count; i++) pixels[i] = colour(i);
  [scratch.width, scratch.height] = [image.width, image.height];
  scratch.getContext("2d").putImageData(image, 0, 0);
  return scratch;
}

// The class that each point belongs to, stronger where the network is surer, by the steps of
// `plots.decision_boundary`.
function decisions(maps, side, { classes }, strengths) {
  return imaged(maps[0].length, side, (i) => {
    const scores = maps.length === 1 ? [0, maps[0][i]] : maps.map((map) => map[i]);
    const best = scores.indexOf(Math.max(...scores));
    const margin = scores[best] - Math.max(...scores.filter((_, k) => k !== best));
    return packed(classes[best], strengths.findLast(([least]) => margin >= least)?.[1]);
  });
}

const MARKS = [
  (context, x, y, r) => context.arc(x, y, r, 0, 2 * Math.PI),
  (context, x, y, r) => context.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r),
  (context, x, y, r) => {
    context.moveTo(x, y - 1.2 * r);
    context.lineTo(x + 1.1 * r, y + 0.8 * r);
    context.lineTo(x - 1.1 * r, y + 0.8 * r);
    context.closePath();
  },
];

function mark(context, kind, x, y, colour, { page }, filled, radius = 4) {
  context.beginPath();
  MARKS[kind % MARKS.length](context, x, y, radius);
  context.fillStyle = filled ? colour : page;
  context.strokeStyle = filled ? page : colour;
  context.lineWidth = filled ? 0.8 : 1.6;
  context.fill();
  context.stroke();
}

// What stands at a point of the data, for marks and for clicks: positions on a canvas of this size.
export function placed({ sets, span: [[left, right], [bottom, top]], classifies }, width, height) {
  const across = (x) => ((x - left) / (right - left)) * width;
  const down = (y) => ((top - y) / (top - bottom)) * height;
  const marks = sets.flatMap(({ inputs, targets, classes }, part) =>
    inputs.flatMap(([x, y], index) =>
      classifies
        ? [{ part, index, kind: classes[index], x: across(x), y: down(y) }]
        : targets[index].map((target, kind) => ({ part, index, kind, x: across(x), y: down(target) })),
    ),
  );
  return { marks, across, down };
}

// Draws the plane: where the network finds which class, or the numbers of one neuron, and the data.
export function drawPlane(canvas, lesson, maps, chosen, neuron, colours, choices) {
  const { context, width, height } = fresh(canvas);
  const { marks, across, down } = placed(lesson, width, height);
  const outputs = maps.slice(-lesson.sizes.at(-1));
  context.imageSmoothingQuality = "high";
  if (neuron !== null) context.drawImage(heated(maps[neuron], lesson.side, colours.heat), 0, 0, width, height);
  else if (lesson.classifies && maps.length) context.drawImage(decisions(outputs, lesson.side, colours, choices.strengths), 0, 0, width, height);
  else for (const [k, map] of outputs.entries()) drawFit(context, map, lesson, across, down, colours, k);
  // held-out examples are hollow, and below the others
  for (const { part, kind, x, y } of marks.toReversed()) mark(context, kind, x, y, css(colours.classes[kind]), colours, !part);
  for (const { part, index, x, y } of marks) {
    if (part !== chosen[0] || index !== Number(chosen[1])) continue;
    context.beginPath();
    context.arc(x, y, 9, 0, 2 * Math.PI);
    context.strokeStyle = colours.lit;
    context.lineWidth = 3;
    context.stroke();
  }
}

function drawFit(context, map, { side, span: [[left, right]] }, across, down, { classes }, k) {
  context.beginPath();
  for (const [i, y] of map.entries()) context.lineTo(across(left + ((right - left) * (i + 0.5)) / side), down(y));
  context.strokeStyle = css(classes[k]);
  context.lineWidth = 2.5;
  context.setLineDash(DASHES[k]);
  context.stroke();
  context.setLineDash([]);
}

// The tile of each neuron, layer by layer, those of the inputs first.
export function tiles({ sizes }, width, height) {
  const side = Math.min(36, height / Math.max(...sizes) - 5, width / sizes.length - 8);
  return sizes.map((count, layer) =>
    Array.from({ length: count }, (_, k) => ({
      x: side / 2 + 2 + ((width - side - 4) * layer) / Math.max(sizes.length - 1, 1),
      y: (height * (k + 0.5)) / count,
      side,
    })),
  );
}

// Draws the network: each neuron as the map of what it gives, each weight as a line, as thick as it
// is large; those below 0 are dashed, as in the package's pictures.
export function drawNetwork(canvas, lesson, maps, parameters, neuron, colours, { widths: [thin, thick] }) {
  const { context, width, height } = fresh(canvas);
  const layers = tiles(lesson, width, height);
  const weights = wires(lesson.sizes);
  const largest = weights.reduce((most, { at }) => Math.max(most, Math.abs(parameters[at])), 0) || 1;
  for (const { at, layer, from, to } of weights) {
    const [weight, source, target] = [parameters[at], layers[layer][from], layers[layer + 1][to]];
    const middle = (source.x + target.x) / 2;
    context.beginPath();
    context.moveTo(source.x, source.y);
    context.bezierCurveTo(middle, source.y, middle, target.y, target.x, target.y);
    context.lineWidth = thin + ((thick - thin) * Math.abs(weight)) / largest;
    context.strokeStyle = weight < 0 ? colours.negative : colours.positive;
    context.setLineDash(weight < 0 ? [5, 3] : []);
    context.stroke();
  }
  context.setLineDash([]);
  context.imageSmoothingEnabled = false;
  layers.flat().forEach(({ x, y, side }, k) => {
    const image = heated(maps[k], lesson.side, colours.heat);
    context.drawImage(image, x - side / 2, y - side / 2, side, side);
    context.strokeStyle = k === neuron ? colours.lit : colours.text;
    context.lineWidth = k === neuron ? 3 : 1;
    context.strokeRect(x - side / 2, y - side / 2, side, side);
  });
}

// The weights, in the order in which `Module.parameters` has them: of each neuron first its weights,
// then its bias.
export function wires(sizes) {
  let at = 0;
  const found = [];
  for (let layer = 0; layer + 1 < sizes.length; layer++) {
    for (let to = 0; to < sizes[layer + 1]; to++, at++) {
      for (let from = 0; from < sizes[layer]; from++) found.push({ at: at++, layer, from, to });
    }
  }
  return found;
}

// Draws the losses of both sets, from 0 to the largest.
export function drawLosses(canvas, losses, colours) {
  const { context, width, height } = fresh(canvas);
  const most = losses.flat().reduce((found, [, loss]) => Math.max(found, loss), 1e-12);
  const last = losses[0].at(-1)[0];
  const [left, bottom] = [44, 20];
  const across = (epoch) => left + ((width - left - 8) * epoch) / (last || 1);
  const down = (loss) => 8 + (height - bottom - 8) * (1 - loss / most);
  context.font = "12px system-ui, Helvetica, Arial, sans-serif";
  context.fillStyle = colours.name;
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.strokeRect(left, 8, width - left - 8, height - bottom - 8);
  context.textAlign = "right";
  context.fillText(most.toPrecision(2), left - 4, 18);
  context.fillText("0", left - 4, height - bottom);
  context.fillText(`epoch ${last}`, width - 8, height - 5);
  losses.forEach((found, k) => {
    const stride = Math.ceil(found.length / 1000);
    context.beginPath();
    found.forEach(([epoch, loss], i) => {
      if (i % stride === 0 || i + 1 === found.length) context.lineTo(across(epoch), down(loss));
    });
    context.strokeStyle = css(colours.classes[k]);
    context.lineWidth = 2;
    context.setLineDash(DASHES[k]);
    context.stroke();
  });
  context.setLineDash([]);
}

// The Train tab: fields, three pictures that follow a training, and the backward pass of an example.
import { read, write } from "./address.mjs";
import { show } from "./python.mjs";
import { drawLosses, drawNetwork, drawPlane, palette, placed, tiles, wires } from "./train.pictures.mjs";

const SLOW = matchMedia("(prefers-reduced-motion: reduce)");
const DARK = matchMedia("(prefers-color-scheme: dark)");
const CHOOSE = "a click chooses an example";

export async function mount(section) {
  const choices = await (await fetch(new URL("train.json", import.meta.url))).json();
  const find = (selector) => section.querySelector(selector);
  const named = (name) => find(`[name="${name}"]`);
  const fields = Object.fromEntries(Object.keys(choices.first).map((name) => [name, named(name)]));
  const [plane, network, curves] = ["plane", "network", "losses"].map((name) => find(`.${name} canvas`));
  const [told, frame] = [find(".told"), find("iframe")];
  const worker = new Worker(new URL("train.worker.mjs", import.meta.url), { type: "module" });
  let lesson = null; // the data, and how the network is built
  let picture = null; // the numbers of the training as they were last told
  let losses = []; // of each set: pairs of an epoch and the loss after it
  let training = false;
  let writing = false; // Python writes the steps of an example
  let waiting = 0; // the request to draw
  let colours = palette(section, choices);

  // ------------------------------------------------------------------------------ the fields

  for (const [name, list] of Object.entries(choices.lists)) {
    for (const item of list) fields[name].add(new Option(titled(item), item));
  }
  for (const item of [...Array(choices.most).keys(), CHOOSE]) named("class").add(new Option(item));

  const asked = () => Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value]));
  const isOwn = () => fields.data.value === "own";
  const points = () => fields.own.value.split(";").filter(Boolean).map((point) => point.split(",").map(Number));

  function fill(given) {
    for (const [name, field] of Object.entries(fields)) {
      field.value = given?.get(name === "data" ? "train" : name) ?? choices.first[name];
      if (field.selectedIndex === -1) field.value = choices.first[name];
    }
    fit();
  }

  // Offers only what goes with the data: fields of points, and losses.
  function fit() {
    find(".own").hidden = !isOwn();
    for (const name of ["points", "noise"]) fields[name].disabled = isOwn();
    fields.strength.disabled = fields.penalty.value === "none";
    const counts = points().map(([, , kind]) => kind + 1);
    const classes = isOwn() ? Math.max(2, ...counts) : choices.classes[fields.data.value];
    const options = [...fields.loss.options];
    for (const option of options) option.disabled = !choices.losses[option.value].includes(classes);
    if (fields.loss.selectedOptions[0].disabled) fields.loss.value = options.find((option) => !option.disabled).value;
  }

  function changed(field) {
    if (field === fields.data && !isOwn()) fields.noise.value = choices.noises[field.value];
    fit();
    make();
  }

  function setPoints(list) {
    fields.own.value = list.map((point) => point.join(",")).join(";");
    changed(fields.own);
  }

  // ---------------------------------------------------------------- what the worker is told

  function make() {
    const { data, ...rest } = asked();
    const other = Object.entries(rest).filter(([name, text]) => text !== String(choices.first[name]));
    write("train", { train: data, ...Object.fromEntries(other) });
    run(false);
    tell("Making the data and the network.");
    worker.postMessage({ make: { asked: asked(), extent: isOwn() ? [-1, 1] : [] } });
  }

  function run(is) {
    if (is !== training) worker.postMessage(is ? { train: SLOW.matches ? 15 : 1 } : { pause: true });
    training = is;
    named("run").textContent = is ? "Pause" : "Train";
    if (is) tell("Training.");
    else describe();
  }

  function walk() {
    const [part, index] = chosen();
    if (!(index in lesson.sets[part].inputs)) {
      return tell(`Example: a whole number from 0 to ${lesson.sets[part].inputs.length - 1} is needed.`, true);
    }
    run(false);
    tell("Python writes the steps of this example.");
    busy(true); // one after the other
    worker.postMessage({ walk: [part, Number(index)] });
  }

  function busy(is) {
    writing = is;
    named("walk").disabled = is;
  }

  const chosen = () => [Number(named("part").value), named("example").value];

  // ---------------------------------------------------------------- what the worker tells

  const hears = {
    doing: (text) => tell(text),
    failed: (text) => tell(`Python could not be loaded: ${text}`, true),
    ready() {
      navigator.serviceWorker?.register("keep.js");
      make();
    },
    refused({ field, error }) {
      present(null, sketched());
      mark(field);
      tell(`${fields[field].labels?.[0]?.firstChild.data.trim() ?? "Points"}: ${error}`, true);
    },
    made(content) {
      mark(null);
      losses = content.sets.map(() => []);
      find("code").textContent = content.program;
      offer(content);
      [picture, lesson] = [null, content]; // its first picture follows
    },
    picture({ maps, ...content }) {
      const size = maps.length / lesson.sizes.reduce((sum, count) => sum + count);
      const split = Array.from({ length: maps.length / size }, (_, k) => maps.subarray(k * size, (k + 1) * size));
      for (const [part, { loss }] of content.judged.entries()) losses[part].push([content.epoch, loss]);
      present({ ...content, maps: split }, lesson);
      const next = () => worker.postMessage({ seen: true }); // it goes on while this is drawn
      if (SLOW.matches && training) setTimeout(next, 500);
      else next();
    },
    walk(html) {
      busy(false);
      frame.hidden = false;
      show(frame, html);
      tell(`Example ${chosen()[1]}: its steps are below.`);
      frame.scrollIntoView({ behavior: SLOW.matches ? "instant" : "smooth", block: "nearest" });
    },
    error(text) {
      busy(false);
      run(false);
      tell(text, true);
    },
  };

  // Points without a network, as long as there are too few of them.
  function sketched() {
    const list = isOwn() ? points() : [];
    const set = { inputs: list, targets: list, classes: list.map(([, , kind]) => kind) };
    return { sets: [set], sizes: [2], classifies: true, span: Array(2).fill([-1.16, 1.16]) };
  }

  function mark(wrong) {
    for (const [name, field] of Object.entries(fields)) field.ariaInvalid = String(name === wrong);
    for (const name of ["run", "step", "reset", "walk"]) named(name).disabled = wrong !== null;
  }

  function offer({ sizes, sets, labels }) {
    const [inputs, ...layers] = sizes;
    const names = [...Array(inputs).keys()].map((k) => `input x${k}`);
    layers.forEach((count, layer) => {
      for (let k = 0; k < count; k++) names.push(`layer ${layer}, neuron ${k}`);
    });
    named("neuron").replaceChildren(new Option("what the network finds", ""), ...names.map((name, k) => new Option(name, k)));
    named("part").options[1].disabled = sets.length < 2;
    if (sets.length < 2) named("part").value = 0;
    weights = wires(sizes).map(({ at }) => [labels[at], at]);
  }

  let weights = []; // the label of each, and its position among the parameters

  // ---------------------------------------------------------------- the pictures

  function present(content, about) {
    [picture, lesson] = [content, about];
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(draw);
    if (!training) describe();
  }

  function draw() {
    if (!lesson || section.hidden) return;
    const neuron = picture && named("neuron").value !== "" ? Number(named("neuron").value) : null;
    drawPlane(plane, lesson, picture?.maps ?? [], chosen(), neuron, colours, choices);
    if (!picture) return;
    drawNetwork(network, lesson, picture.maps, picture.parameters, neuron, colours, choices);
    drawLosses(curves, losses, colours);
    named("epoch").value = picture.epoch;
    find("tbody").querySelectorAll("tr").forEach((row, part) => {
      const { loss, accuracy } = picture.judged[part] ?? {};
      row.cells[1].textContent = loss?.toPrecision(4) ?? "–";
      row.cells[2].textContent = accuracy == null ? "–" : `${(100 * accuracy).toFixed(1)} %`;
    });
  }

  // Says what the pictures show, to those who can't see them, when they rest.
  function describe() {
    if (!picture) return;
    const { judged, parameters, epoch } = picture;
    const said = judged.map(({ loss, accuracy }, part) =>
      `${part ? "held-out" : "training"} loss ${loss.toPrecision(4)}${accuracy == null ? "" : `, accuracy ${(100 * accuracy).toFixed(1)} %`}`);
    if (!writing) tell(`After epoch ${epoch}: ${said.join("; ")}.`);
    const [label, at] = weights.reduce((most, weight) => (Math.abs(parameters[weight[1]]) > Math.abs(parameters[most[1]]) ? weight : most));
    network.ariaLabel = `Network ${lesson.sizes.join("-")}; its largest weight is ${label} = ${parameters[at].toPrecision(4)}.`;
    curves.ariaLabel = `Losses up to epoch ${epoch}; ${said.join("; ")}.`;
    const counts = lesson.sets.map(({ inputs }) => inputs.length).join(" and ");
    plane.ariaLabel = `${counts} examples, and ${named("neuron").selectedOptions[0].text}.`;
  }

  function tell(text, error = false) {
    told.textContent = text;
    told.classList.toggle("error", error);
  }

  function at(event, canvas) {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top, box.width, box.height];
  }

  const nearest = (places, x, y) => places.reduce((best, place) =>
    Math.hypot(place.x - x, place.y - y) < Math.hypot(best.x - x, best.y - y) ? place : best);

  // ---------------------------------------------------------------- what the reader does

  plane.addEventListener("click", (event) => {
    if (!lesson) return;
    const [x, y, width, height] = at(event, plane);
    if (isOwn() && named("class").value !== CHOOSE) {
      const [[left, right], [bottom, top]] = lesson.span;
      const point = [left + ((right - left) * x) / width, top - ((top - bottom) * y) / height];
      return setPoints([...points(), [...point.map((number) => Number(number.toFixed(3))), named("class").value]]);
    }
    const { marks } = placed(lesson, width, height);
    if (!marks.length) return;
    const { part, index } = nearest(marks, x, y);
    [named("part").value, named("example").value] = [part, index];
    draw();
    if (!named("walk").disabled) walk();
  });
  network.addEventListener("click", (event) => {
    if (!picture) return;
    const [x, y, width, height] = at(event, network);
    const all = tiles(lesson, width, height).flat();
    const k = String(all.indexOf(nearest(all, x, y)));
    named("neuron").value = named("neuron").value === k ? "" : k;
    draw();
  });
  const clicks = {
    run: () => run(!training),
    step() {
      run(false);
      worker.postMessage({ step: true });
    },
    reset: make,
    walk,
    add: () => setPoints([...points(), [named("x").value, named("y").value, named("class").value]]),
    clear: () => setPoints([]),
  };
  for (const [name, click] of Object.entries(clicks)) named(name).addEventListener("click", click);
  find("form").addEventListener("change", ({ target }) => {
    if (target.name in fields) changed(target);
  });
  find("form").addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["neuron", "part", "example"]) named(name).addEventListener("change", draw);
  addEventListener("hashchange", () => {
    if (section.hidden) return run(false);
    const [given, before] = [read("train"), JSON.stringify(asked())];
    if (given) fill(given);
    if (JSON.stringify(asked()) !== before) make();
  });
  const repaint = () => {
    colours = palette(section, choices);
    draw();
  };
  DARK.addEventListener("change", repaint);
  new ResizeObserver(draw).observe(section);
  worker.addEventListener("message", ({ data }) => {
    for (const [what, content] of Object.entries(data)) hears[what](content);
  });
  worker.addEventListener("error", ({ message }) => hears.failed(message));
  fill(read("train"));
}

function titled(item) {
  return item === "own" ? "points of your own" : item.replaceAll(/[_-]/g, " ");
}

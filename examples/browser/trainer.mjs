// Gradient descent with functions that Python wrote: the loss of one example with its derivatives,
// the penalty, the neurons' values, and the update rule.

// biome-ignore lint/security/noGlobalEval: texts that Python wrote, of checked options alone
const compiled = (text) => globalThis.eval(text); // which sees no names of this module

export class Trainer {
  // What `Lesson.content` of train.py gives.
  constructor({ functions, sets, parameters, states, classifies }) {
    this.functions = Object.fromEntries(
      Object.entries(functions).map(([name, text]) => [name, compiled(text)]),
    );
    this.sets = sets;
    this.classifies = classifies;
    this.parameters = [...parameters];
    this.states = parameters.map(() => [...states]);
    this.steps = 0;
  }

  // One pass over the training set, batch by batch, in the given order.
  epoch(order, size, rate) {
    for (let start = 0; start < order.length; start += size) {
      this.step(order.slice(start, start + size), rate);
    }
  }

  // One step of the update rule, by the mean gradient of some examples.
  step(batch, rate) {
    const count = this.parameters.length;
    const { example, penalty, update } = this.functions;
    const gradients = new Float64Array(count);
    for (const i of batch) {
      const found = example(this.given(this.sets[0], i));
      for (let k = 0; k < count; k++) gradients[k] += found[k + 1] / batch.length;
    }
    const charge = penalty?.(this.parameters);
    this.steps += 1;
    const after = this.parameters.map((parameter, k) =>
      update([gradients[k] + (charge ? charge[k + 1] : 0), ...this.states[k], parameter, rate, this.steps]),
    );
    this.parameters = after.map(([parameter]) => parameter);
    this.states = after.map(([, ...states]) => states);
  }

  given({ inputs, targets }, i) {
    return this.parameters.concat(inputs[i], targets[i]);
  }

  get finite() {
    return this.parameters.every(Number.isFinite);
  }

  // The mean loss over a set, and the share of examples whose class is found.
  judged(set) {
    let loss = 0;
    let right = 0;
    for (let i = 0; i < set.inputs.length; i++) {
      loss += this.functions.loss(this.given(set, i))[0];
      if (this.classifies) right += decided(this.outputs(set.inputs[i], set.targets[i].length)) === set.classes[i];
    }
    const count = set.inputs.length;
    return { loss: loss / count, accuracy: this.classifies ? right / count : null };
  }

  // What all neurons give for some inputs, layer by layer.
  neurons(inputs) {
    return this.functions.neurons(this.parameters.concat(inputs));
  }

  outputs(inputs, count) {
    return this.neurons(inputs).slice(-count);
  }

  // What each input and each neuron is at all points: one array after the other.
  maps(points) {
    const found = points.map((point) => [...point, ...this.neurons(point)]);
    const count = found[0].length;
    const maps = new Float32Array(count * points.length);
    for (let i = 0; i < points.length; i++) {
      for (let k = 0; k < count; k++) maps[k * points.length + i] = found[i][k];
    }
    return maps;
  }
}

// The class that outputs stand for: that of the largest, or by the sign of a single one.
export function decided(outputs) {
  if (outputs.length === 1) return outputs[0] > 0 ? 1 : 0;
  return outputs.indexOf(Math.max(...outputs));
}

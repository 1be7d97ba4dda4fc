// What the Graph tab offers to begin with.
export const EXAMPLES = [
  {
    title: "The lecture's graph: (x + y) · z",
    graph: "d = x + y\nf = d * z",
    numbers: "x=1 y=-3 z=4",
    view: "step",
  },
  {
    title: "The lecture's sigmoid",
    graph: "f = 1 / (1 + exp(-(w_0 * x_0 + w_1 * x_1 + b)))",
    numbers: "w_0=-3 x_0=-2 w_1=2 x_1=-1 b=-3",
    view: "step",
  },
  {
    title: "A neuron",
    graph: "z = dot([w1, w2], [x1, x2]) + b\na = tanh(z)",
    numbers: "w1=-3 w2=1 x1=2 x2=0 b=6.9",
    view: "play",
  },
  {
    title: "A repeated operand: its gradients add up",
    graph: "y = x * x + x",
    numbers: "x=3",
    view: "card",
  },
  {
    title: "A dead ReLU: no gradient comes through",
    graph: "a = relu(w * x + b)\nloss = (a - 1)**2",
    numbers: "w=0.5 x=2 b=-3",
    view: "play",
  },
  {
    title: "Softmax and cross entropy",
    graph: "# the gradient of each score is its probability, less 1 for the right class\n"
      + "loss = nn.softmax_cross_entropy([s1, s2, s3], 0)",
    numbers: "s1=3.2 s2=5.1 s3=-1.7",
    view: "step",
  },
  {
    title: "Sigmoids in a row: the gradient vanishes",
    graph: "h = x\nfor layer in range(5):\n    h = sigmoid(h)",
    numbers: "x=2",
    view: "step",
  },
  {
    title: "Max: a gate that chooses",
    graph: "f = maximum(x * y, z) * 2",
    numbers: "x=3 y=-4 z=2",
    view: "quiz",
  },
  {
    title: "The loss of a line",
    graph: "points = [(0, 1), (1, 3), (2, 4)]\n"
      + "loss = mean([(w * x + b - y)**2 for x, y in points])",
    numbers: "w=1 b=0",
    view: "picture",
  },
  {
    title: "A network of two layers",
    graph: "network = nn.MLP(2, [3, 1])\nloss = nn.mse(network([x1, x2]), 1)\nloss.backward()",
    numbers: "x1=0.5 x2=-1",
    view: "picture",
  },
];

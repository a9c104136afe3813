// `node training.mjs STEPS WARMUP` trains a small network and watches its memory. It prints the growth of
// resident memory after the warm-up, the tensors left, and the first and last loss.
import { manualSeed, memoryStatistics, nn, optim, randn, scope } from "../../../dist/torch/index.js";

const [steps, warmup] = process.argv.slice(2).map(Number);
const { crossEntropy, gelu } = nn.functional;

class Network extends nn.Module {
  hidden = this.registerChild("hidden", new nn.Linear(16, 32));
  norm = this.registerChild("norm", new nn.LayerNorm(32));
  output = this.registerChild("output", new nn.Linear(32, 4));

  forward(x) {
    return this.output.forward(gelu(this.norm.forward(this.hidden.forward(x))));
  }
}

manualSeed(0);
const network = new Network();
for (const layer of [network.hidden, network.output]) {
  layer.weight.normal_(0, 0.1);
  layer.bias.zero_();
}
network.requiresGrad_(true);
const optimizer = new optim.AdamW(network.parameters(), { learningRate: 1e-3 });

/** Learns which of four fixed directions an input points to most. */
const directions = randn([4, 16]);
function step() {
  return scope(() => {
    const x = randn([64, 16]);
    const target = x.matmul(directions.t()).argmax(1);
    optimizer.zeroGrad();
    const loss = crossEntropy(network.forward(x), target);
    loss.backward();
    optimizer.step();
    return loss.item();
  });
}

const firstLoss = step();
for (let i = 1; i < warmup; i++) step();
const tensorsBefore = memoryStatistics().liveTensors;
const before = process.memoryUsage.rss();
let lastLoss = firstLoss;
for (let i = warmup; i < steps; i++) lastLoss = step();
console.log(
  JSON.stringify({
    grownBytes: process.memoryUsage.rss() - before,
    leftTensors: memoryStatistics().liveTensors - tensorsBefore,
    firstLoss,
    lastLoss,
  }),
);

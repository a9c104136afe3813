// Tensors and autograd: fits y = 2x − 1 to noisy points, and calls an operator by its name.
//
//   node examples/tensors.mjs

import { torch } from "codyra";

torch.manualSeed(1);
const x = torch.randn([256, 1]);
const y = x
  .mul(2)
  .sub(1)
  .add(torch.randn([256, 1]).mul(0.1));

const slope = torch.zeros([1]).requiresGrad_();
const offset = torch.zeros([1]).requiresGrad_();
const optimizer = new torch.optim.AdamW([slope, offset], { learningRate: 0.1, weightDecay: 0 });

for (let step = 1; step <= 100; step++) {
  torch.scope(() => {
    optimizer.zeroGrad();
    const loss = x.mul(slope).add(offset).sub(y).square().mean();
    loss.backward();
    optimizer.step();
    if (step % 25 === 0) console.log(`step ${step}  loss ${loss.item().toFixed(4)}`);
  }); // every tensor of the step is freed here
}
console.log(`y = ${slope.item().toFixed(2)} x + ${offset.item().toFixed(2)}`);

// More than 400 operators have types. All others are reached by the name of their schema.
const median = /** @type {torch.Tensor} */ (torch.callOperator("aten::nanmedian", y));
console.log(`median of y ${median.item().toFixed(2)}`);

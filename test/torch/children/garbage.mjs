// `node --expose-gc garbage.mjs` makes tensors outside of all scopes and drops them. It prints the number of
// live tensors before, right after, and after turns of the garbage collector and event loop.
import { setImmediate as turn } from "node:timers/promises";
import { generator, memoryStatistics, ones, randn, scope } from "../../../dist/torch/index.js";

const live = () => memoryStatistics().liveTensors;

function makeGarbage() {
  const random = generator(1);
  for (let i = 0; i < 10_000; i++) ones([16]).add(1);
  for (let i = 0; i < 10; i++) scope(() => randn([4], { generator: random }).keep());
  scope(() => setTimeout(() => ones([2]), 0)); // made when its scope is closed
}

const before = live();
makeGarbage();
const after = live();
for (let i = 0; i < 50 && live() > before; i++) {
  await turn();
  globalThis.gc();
}
console.log(JSON.stringify({ before, after, collected: live() }));

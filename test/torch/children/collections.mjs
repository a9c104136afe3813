// V8 collects for large tensors that no scope owns, although they are small objects to it, and not for those
// of scopes.
import { constants, PerformanceObserver } from "node:perf_hooks";
import { torch } from "../../../dist/index.js";

const steps = 200;
const turn = () => new Promise((resolve) => setImmediate(resolve));
let collections = 0;
new PerformanceObserver((list) => {
  collections += list
    .getEntries()
    .filter(({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR).length;
}).observe({ entryTypes: ["gc"] });

/** Major collections, and the most tensors that were alive, while 64 MB are made in every step. */
async function measure(body) {
  await turn();
  const before = collections;
  let most = 0;
  for (let i = 0; i < steps; i++) {
    body(() => torch.empty([16 << 20]));
    most = Math.max(most, torch.memoryStatistics().liveTensors);
    await turn();
  }
  await turn();
  return { collections: collections - before, most };
}

const scoped = await measure((make) => {
  torch.scope(() => {
    make();
  });
});
const unscoped = await measure((make) => {
  make();
});
console.log(JSON.stringify({ steps, scoped, unscoped }));

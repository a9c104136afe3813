import { resolve } from "node:path";
import { torch } from "../dist/index.js";
import { alternate } from "./lib/alternate.mjs";
import { checkBuild } from "./lib/builds.mjs";
import { bindToOneCore } from "./lib/one-core.mjs";
import { microsecondsPerCall, operatorLoops } from "./lib/operator-loops.mjs";
import { startCodyra, startPeer } from "./lib/peer.mjs";
import { compare } from "./lib/table.mjs";

export const name = "dispatch";
export const description =
  "time per operator call on 8×8 tensors, result released, against eager PyTorch or another build";
export const defaults = {
  rounds: 101,
  warmUp: 2,
  calls: 4_000,
  threads: 1,
  device: "cpu",
  dtype: "float32",
  seed: 0,
  against: undefined,
};

const own = resolve(import.meta.dirname, "..");
const limits = { pytorch: 0.75, build: 1.02 };

/** @returns rows with the time per call in microseconds */
export async function run({ against, ...config }, report) {
  const loops = operatorLoops(torch, config.device);
  const [codyra, peer] =
    against === undefined
      ? [callsHere(loops, config), await callsInPython(config)]
      : await Promise.all([own, against].map((checkout) => callsOfBuild(checkout, config)));
  const free = bindToOneCore(codyra.pid, peer.pid);
  const rows = [];
  try {
    for (const operator of Object.keys(loops)) {
      report(operator);
      const contenders = { codyra: () => codyra.measure(operator), peer: () => peer.measure(operator) };
      const times = await alternate(contenders, config);
      rows.push(compare(operator, "µs", times.codyra, { name: peer.name, ...times.peer }, peer.limit));
    }
  } finally {
    free?.();
    for (const contender of [codyra, peer]) contender.stop();
  }
  const notes = [
    free ? "Both processes on one core." : "Each process on whatever core it got: ratios may be off.",
  ];
  return { peer: peer.versions, rows, notes };
}

function callsHere(loops, { threads, seed, calls, device }) {
  torch.setNumThreads(threads);
  torch.manualSeed(seed);
  const measure = (operator) => microsecondsPerCall(torch, loops[operator], calls, device);
  return { pid: process.pid, measure, stop() {} };
}

async function callsInPython({ threads, calls, device }) {
  const { pid, versions, request, stop } = await startPeer("dispatch.py", { threads });
  const measure = async (operator) => ((await request("measure", { operator, calls, device })) / calls) * 1e6;
  return { pid, versions, measure, stop, name: `PyTorch ${versions.torch}`, limit: limits.pytorch };
}

/** Each build in a process of its own, as no process can load two addons. */
async function callsOfBuild(checkout, { threads, seed, calls, device }) {
  checkBuild(checkout);
  const env = { CODYRA_CHECKOUT: resolve(checkout) };
  const { pid, versions, request, stop } = await startCodyra("dispatch.mjs", { threads, env });
  await request("load", { seed, device });
  const measure = (operator) => request("measure", { operator, calls });
  return { pid, versions, measure, stop, name: "the other build", limit: limits.build };
}

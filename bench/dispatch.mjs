import { torch } from "../dist/index.js";
import { alternate } from "./lib/alternate.mjs";
import { now } from "./lib/clock.mjs";
import { bindToOneCore } from "./lib/one-core.mjs";
import { startPeer } from "./lib/peer.mjs";
import { compare } from "./lib/table.mjs";

export const name = "dispatch";
export const description = "time per operator call on 8×8 tensors, result released, against eager PyTorch";
export const defaults = {
  rounds: 101,
  warmUp: 2,
  calls: 4_000,
  threads: 1,
  device: "cpu",
  dtype: "float32",
  seed: 0,
};

const limit = 0.75;

/** @returns rows with the time per call in microseconds */
export async function run({ rounds, warmUp, calls, threads, device, seed }, report) {
  torch.setNumThreads(threads);
  torch.manualSeed(seed);
  const peer = await startPeer("dispatch.py", { threads });
  const free = bindToOneCore(process.pid, peer.pid);
  const rows = [];
  try {
    for (const [operator, loop] of Object.entries(operatorLoops(device))) {
      report(operator);
      const contenders = {
        codyra: () => microsecondsPerCall(loop, calls, device),
        pytorch: async () => ((await peer.request("measure", { operator, calls, device })) / calls) * 1e6,
      };
      const { codyra, pytorch } = await alternate(contenders, { rounds, warmUp });
      rows.push(
        compare(operator, "µs", codyra, { name: `PyTorch ${peer.versions.torch}`, ...pytorch }, limit),
      );
    }
  } finally {
    free?.();
    peer.stop();
  }
  const notes = [
    free ? "Both processes on one core." : "Each process on whatever core it got: ratios may be off.",
  ];
  return { peer: peer.versions, rows, notes };
}

function microsecondsPerCall(loop, calls, device) {
  const start = now(device);
  loop(calls);
  return ((now(device) - start) / calls) * 1000;
}

/**
 * Spelled out, as a user would write them and as `timeit` inlines the peer's: a closure per call would be
 * measured too.
 */
function operatorLoops(device) {
  const a = torch.randn([8, 8], { device });
  const b = torch.randn([8, 8], { device });
  const weight = torch.randn([8], { device });
  const bias = torch.randn([8], { device });
  return {
    add(calls) {
      for (let i = 0; i < calls; i++) torch.add(a, b).dispose();
    },
    mul(calls) {
      for (let i = 0; i < calls; i++) torch.mul(a, b).dispose();
    },
    mm(calls) {
      for (let i = 0; i < calls; i++) torch.mm(a, b).dispose();
    },
    linear(calls) {
      for (let i = 0; i < calls; i++) torch.nn.functional.linear(a, b, bias).dispose();
    },
    layer_norm(calls) {
      for (let i = 0; i < calls; i++) torch.nn.functional.layerNorm(a, [8], { weight, bias }).dispose();
    },
  };
}

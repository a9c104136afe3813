import { torch } from "../dist/index.js";
import { alternate } from "./lib/alternate.mjs";
import { ownTime } from "./lib/clock.mjs";
import { adaptedModel, kernels } from "./lib/kernels.mjs";
import { startPeer } from "./lib/peer.mjs";
import { summarize } from "./lib/statistics.mjs";
import { compare } from "./lib/table.mjs";

export const name = "kernels";
export const description =
  "each fused operator against its composed form, and against what the machine can do";
export const defaults = {
  rounds: 15,
  warmUp: 2,
  threads: 2,
  device: "cpu",
  only: undefined,
  seed: 0,
};

const gemmSize = 2048;
const leastSeconds = 0.05; // per measurement, so that the clock's resolution does not matter
const cudaShareOfCopy = 0.7;

/**
 * @returns rows with the time per call in milliseconds, and the speed beside that of a plain matrix product
 * or copy in the same rounds
 */
export async function run({ device, threads, seed, only = "", ...config }, report) {
  const chosen = Object.keys(kernels).filter((kernel) => kernel.includes(only));
  if (chosen.length === 0) {
    throw new Error(`kernels: expected --only one of ${Object.keys(kernels).join(", ")}, got '${only}'.`);
  }
  torch.setNumThreads(threads);
  torch.manualSeed(seed);
  const adapters = adaptedModel(device);
  const peer = await startPeer("adamw.py", { threads });
  const rows = [];
  try {
    const shapes = adapters.layers.flatMap(({ targets, loraA, loraB }) =>
      targets.flatMap(() => [loraA.shape.slice(1), loraB.shape.slice(1), loraA.shape.slice(1, 2)]),
    );
    await peer.request("prepare", { shapes, device });
    for (const kernel of chosen) {
      report(kernel);
      rows.push(
        ...(await torch.scope(() => measure(kernels[kernel]({ device, adapters, peer }), device, config))),
      );
    }
  } finally {
    await peer.stop();
  }
  const notes = [
    `speed: of the work that cannot be avoided, beside a product of ${gemmSize}² matrices or a copy in the same rounds.`,
  ];
  return { peer: peer.versions, rows, notes };
}

async function measure({ what, run, others, work }, device, config) {
  const machine = machineCase(work, device);
  const contenders = {};
  for (const [key, contender] of [["codyra", { run }], ["machine", machine], ...Object.entries(others)]) {
    const seconds = contender.seconds ?? ((repeats) => secondsFor(contender.run, repeats, device));
    const repeats = Math.max(1, Math.ceil(leastSeconds / (await seconds(1))));
    contenders[key] = async () => (1000 * (await seconds(repeats))) / repeats;
  }
  const { codyra, machine: reference, ...times } = await alternate(contenders, config);
  // The machine's time for the same work, round by round.
  const possible = summarize(reference.samples.map((ms) => (ms * (work.flops ?? work.bytes)) / machine.work));
  const speed = formatSpeed(work, codyra.median, possible.median / codyra.median, machine.name);
  const rows = others.map(({ name, limit }, i) => ({
    ...compare(what, "ms", codyra, { name, ...times[i] }, limit),
    speed,
  }));
  if (device !== "cpu" && work.bytes !== undefined) {
    rows.push({
      ...compare(what, "ms", codyra, { name: "a copy", ...possible }, 1 / cudaShareOfCopy),
      speed,
    });
  }
  return rows;
}

/** As fast as the machine gets: a large matrix product, or a copy of as many bytes. */
function machineCase({ flops, bytes }, device) {
  if (flops === undefined) {
    const from = torch.randn([bytes / 8], { device });
    const to = torch.emptyLike(from);
    return { name: "copy", run: () => to.copy_(from), work: bytes };
  }
  const a = torch.randn([gemmSize, gemmSize], { device });
  const b = torch.randn([gemmSize, gemmSize], { device });
  return { name: "GEMM", run: () => torch.mm(a, b), work: 2 * gemmSize ** 3 };
}

function secondsFor(run, repeats, device) {
  const start = ownTime(device);
  for (let i = 0; i < repeats; i++) torch.scope(() => void run());
  return (ownTime(device) - start) / 1000;
}

function formatSpeed({ flops, bytes }, ms, share, machine) {
  const rate = ((flops ?? bytes) / ms) * 1e-6;
  return `${rate.toFixed(1)} ${flops === undefined ? "GB/s" : "GFLOP/s"}, ${(100 * share).toFixed(0)} % of ${machine}`;
}

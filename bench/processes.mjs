import { rm } from "node:fs/promises";
import { torch } from "../dist/index.js";
import { alternate } from "./lib/alternate.mjs";
import { models, writeInputs, writeModel } from "./lib/model.mjs";
import { startCodyra } from "./lib/peer.mjs";
import { compare } from "./lib/table.mjs";
import { temporaryDirectory } from "./lib/temporary.mjs";

export const name = "processes";
export const description = "one task on two processes of a thread each, against one process of two threads";
export const defaults = {
  rounds: 5,
  warmUp: 1,
  threads: 2,
  model: "vit-b-16",
  rank: 16,
  images: 16,
  prompts: 100,
  iterations: 3,
  device: "cpu",
  seed: 0,
};

const limit = 1 / 0.9; // 0.9 of the speed
const adapterNumbers = 4_423_680; // 17.7 MB: the factors and gates of ViT-B/16 at rank 16

/**
 * @returns rows with seconds per iteration, and of the sum of all gradients beside one iteration
 * @throws if the processes learn another thing than the one
 */
export async function run(config, report) {
  const { threads, model, seed, iterations } = config;
  const directory = await temporaryDirectory();
  const started = [];
  try {
    report("drawing weights and inputs");
    await writeModel(directory, { config: models[model], seed });
    writeInputs(directory, "inputs.safetensors", { ...config, testImages: config.images });
    const alone = await startCodyra("process.mjs", { threads });
    started.push(alone);
    const together = await startTogether(threads, started);
    const load = { ...config, directory };
    await alone.request("load", { ...load, threads });
    await all(together, "load", { ...load, threads: 1 });
    const losses = {};
    const train = async (name, processes) => {
      const answers = await all(processes, "train");
      losses[name] = answers.map(({ loss }) => loss);
      const seconds = Math.max(...answers.map((answer) => answer.seconds)) / iterations;
      report(`${name}: ${seconds.toFixed(2)} s per iteration, loss ${losses[name][0].toFixed(5)}`);
      return seconds;
    };
    const contenders = {
      codyra: () => train(`${threads} processes`, together),
      one: () => train("1 process", [alone]),
      sum: async () => {
        const sums = await all(together, "communicate", { numbers: adapterNumbers });
        return Math.max(...sums.map(({ seconds }) => seconds));
      },
    };
    const { codyra, one, sum } = await alternate(contenders, config);
    checkLosses(losses);
    await all(together, "close");
    const share = sum.median / codyra.median;
    return {
      rows: [
        compare(
          `iteration, ${threads} × 1 thread`,
          "s",
          codyra,
          { name: `1 × ${threads} threads`, ...one },
          limit,
        ),
      ],
      notes: [
        `The sum of ${adapterNumbers} gradients (17.7 MB) over ${threads} processes takes ${(1000 * sum.median).toFixed(0)} ms, ${(100 * share).toFixed(1)} % of an iteration.`,
        "On the cores of one machine nothing is to be gained: one process uses all of them.",
      ],
    };
  } finally {
    await Promise.all(started.map((process) => process.stop()));
    await rm(directory, { recursive: true, force: true });
  }
}

async function startTogether(count, started) {
  const { freePort, launchVariables } = torch.distributed;
  const port = await freePort();
  for (let rank = 0; rank < count; rank++) {
    const env = launchVariables(rank, count, port);
    started.push(await startCodyra("process.mjs", { threads: 1, env }));
  }
  return started.slice(-count);
}

/** Asks all at once: none answers before the others have been asked. */
function all(processes, command, options) {
  return Promise.all(processes.map((process) => process.request(command, options)));
}

function checkLosses(losses) {
  const [first, ...others] = Object.values(losses).flat();
  const worst = Math.max(...others.map((loss) => Math.abs(loss - first)));
  if (!(worst <= 1e-4 * Math.abs(first))) {
    throw new Error(`Expected losses like ${first}, got ${others.join(", ")}: not the same work.`);
  }
}

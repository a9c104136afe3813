import { rm } from "node:fs/promises";
import { writeWords } from "./lib/class-names.mjs";
import { atSize, models, writeModel } from "./lib/model.mjs";
import { startCodyra } from "./lib/peer.mjs";
import { summarize } from "./lib/statistics.mjs";
import { compare } from "./lib/table.mjs";
import { temporaryDirectory } from "./lib/temporary.mjs";

export const name = "stream";
export const description =
  "time per task over a stream of 20 tasks of 20 classes, in the processor's seconds";
export const defaults = {
  threads: 1,
  model: "small",
  imageSize: 96,
  method: "statra",
  tasks: 20,
  classes: 20,
  shots: 16,
  iterations: 20,
  batchSize: 64,
  rank: 16,
  seed: 0,
};

const window = 5; // tasks that are compared
const limit = 1.1;
const replayed = 64; // earlier classes of an iteration: from here on a stream has as many

/** @returns rows with the seconds of the last tasks against those of the first that replay in full */
export async function run(config, report) {
  const { model, imageSize, seed, threads, tasks, classes, shots, method } = config;
  const { iterations, batchSize, rank } = config;
  const directory = await temporaryDirectory();
  const { request, stop } = await startCodyra("stream.mjs", { threads });
  const results = [];
  try {
    report("drawing weights");
    await writeModel(directory, { config: atSize(models[model], imageSize), seed });
    const words = await writeWords(directory, { classes: tasks * classes, count: 1000 });
    await request("load", { directory, method, options: { iterations, batchSize, rank, words } });
    for (let task = 0; task < tasks; task++) {
      const time = await request("learn", { classes, shots });
      results.push(time);
      report(`task ${task + 1} of ${tasks}: ${time.cpuSeconds.toFixed(1)} s of processors`);
    }
  } finally {
    await stop();
    await rm(directory, { recursive: true, force: true });
  }
  const first = Math.ceil(replayed / classes);
  const part = (start) => results.slice(start, start + window).map(({ cpuSeconds }) => cpuSeconds);
  const early = { name: `tasks ${first + 1} to ${first + window}`, ...summarize(part(first)) };
  const late = `tasks ${tasks - window + 1} to ${tasks}`;
  return {
    rows: [compare(`${method}, ${late}`, "s", summarize(part(tasks - window)), early, limit)],
    results: { tasks: results },
    notes: [
      `Every task: ${results.map(({ cpuSeconds }) => cpuSeconds.toFixed(1)).join(", ")} s of processors. ` +
        `From task ${first + 1} on, an iteration replays ${replayed} earlier classes.`,
    ],
  };
}

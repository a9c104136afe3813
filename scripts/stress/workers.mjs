import { join } from "node:path";
import { packageRoot } from "../setup/files.mjs";
import { isAbort, lastWords, runNode } from "./child.mjs";

const script = "test/torch/children/workers.mjs";
const activities = ["load", "calls", "decode", "shared"];
const rounds = 10; // of two workers

export const workers = {
  name: "workers",
  summary: "worker threads that are ended while they load the addon, compute, decode or share memory",
  usual: 400,

  async run({ random, count, counts, progress }) {
    while (counts.tried < count) {
      const seed = random.below(2 ** 31);
      const activity = activities[(counts.tried / (2 * rounds)) % activities.length];
      const again = `node ${script} ${seed} ${rounds} ${activity}`;
      const result = await runNode([join(packageRoot, script), String(seed), String(rounds), activity]);
      counts.tried += 2 * rounds;
      if (result.isHanging) counts.find("hangs", again);
      else if (isAbort(result)) counts.find("aborts", `${again}\n    ${lastWords(result)}`);
      else if (result.code !== 0) counts.find("wrong", `${again}\n    ${lastWords(result)}`);
      else {
        const { values } = JSON.parse(result.stdout.trimEnd().split("\n").at(-1));
        if (String(values) !== "1,2,3")
          counts.find("wrong", `${again}: workers computed ${values}, not 1,2,3`);
      }
      progress(counts.tried);
    }
  },
};

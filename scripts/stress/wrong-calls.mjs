import { join } from "node:path";
import { packageRoot } from "../setup/files.mjs";
import { isAbort, lastWords, runNode } from "./child.mjs";

const script = "test/torch/children/wrong-calls.mjs";
const callsPerChild = 2500;

export const wrongCalls = {
  name: "wrong calls",
  summary: "random operators with random arguments, most of them wrong",
  usual: 100_000,

  async run({ random, count, counts, progress }) {
    while (counts.tried < count) {
      const seed = random.below(2 ** 31);
      const calls = Math.min(callsPerChild, count - counts.tried);
      const result = await runNode([join(packageRoot, script), String(seed), String(calls)]);
      const again = `node ${script} ${seed} ${calls} --trace`;
      counts.tried += calls;
      if (result.isHanging) counts.find("hangs", again);
      else if (isAbort(result)) counts.find("aborts", `${again}\n    ${lastWords(result)}`);
      else if (result.code !== 0) counts.find("wrong", `${again}\n    ${lastWords(result)}`);
      else {
        const { failed, leakedTensors } = JSON.parse(result.stdout.trimEnd().split("\n").at(-1));
        counts.refused += failed;
        if (leakedTensors !== 0) counts.find("wrong", `${again}: ${leakedTensors} tensors were not freed`);
      }
      progress(counts.tried);
    }
  },
};

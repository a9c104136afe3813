import { cpSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../setup/files.mjs";
import { isAbort, lastWords, runNode } from "./child.mjs";
import { inFolder } from "./folder.mjs";

const script = "scripts/stress/read-mutated.mjs";
const filesPerChild = 500;
/** All formats are small: what takes more has believed a file. */
const mostMiB = 1500;

export const mutatedFiles = {
  name: "mutated files",
  summary: "safetensors, pickles, images, Parquet, tar, tokenizer and configuration with changed bytes",
  usual: 10_000,

  run: ({ random, count, counts, progress }) =>
    inFolder(counts, async (folder) => {
      while (counts.tried < count) {
        const seed = random.below(2 ** 31);
        const files = Math.min(filesPerChild, count - counts.tried);
        const args = [join(packageRoot, script), folder, String(seed), String(files)];
        const result = await runNode(args, { quietMs: 60_000 });
        const lines = result.stdout.trimEnd().split("\n").map(parse);
        const last = lines.findLast((line) => line.trying !== undefined);
        const again = `node ${script} FOLDER ${seed} ${files}, file ${last?.trying} (${last?.format})`;
        for (const { wrong, file } of lines) if (wrong) counts.find("wrong", `${wrong}\n    ${file}`);
        counts.tried += files;
        const summary = lines.at(-1);
        if (result.isHanging) counts.find("hangs", again);
        else if (isAbort(result)) counts.find("aborts", `${again}\n    ${lastWords(result)}`);
        else if (result.code !== 0) counts.find("wrong", `${again}\n    ${lastWords(result)}`);
        else {
          counts.refused += summary.refused;
          if (summary.peakMiB > mostMiB)
            counts.find("wrong", `${again} or before: took ${summary.peakMiB} MiB`);
        }
        // The next process writes over what this one has left.
        if (result.isHanging || isAbort(result))
          cpSync(join(folder, last.format), join(folder, `kept-${seed}`), { recursive: true });
        progress(counts.tried);
      }
    }),
};

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return {}; // a line that a decoder has printed, or one cut short
  }
}

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isAbort, lastWords } from "./child.mjs";
import { inFolder } from "./folder.mjs";
import { differences, makeStream, readRun, runStream } from "./tiny-stream.mjs";

const signals = ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"];
const mostPerRun = 4;

export const killedRuns = {
  name: "killed runs",
  summary: "runs that are ended at random moments and resumed, which must end in the same files",
  usual: 30,

  run: ({ random, count, counts, progress }) =>
    inFolder(counts, async (folder) => {
      const config = await makeStream(folder);
      const undisturbed = join(folder, "undisturbed");
      const start = performance.now();
      const result = await runStream(config, undisturbed);
      const usualMs = performance.now() - start;
      if (result.code !== 0) return counts.find("wrong", `an undisturbed run: ${lastWords(result)}`);
      const wanted = readRun(undisturbed);
      for (let run = 0; counts.tried < count; run++) {
        const output = join(folder, `killed-${run}`);
        await killAndResume({ random, count, counts, progress, config, output, usualMs, wanted });
        if (counts.findings.length === 0) rmSync(output, { recursive: true });
      }
    }),
};

async function killAndResume({ random, count, counts, progress, config, output, usualMs, wanted }) {
  const told = [];
  let isFinished = false;
  for (let i = 0; i < mostPerRun && counts.tried < count && !isFinished; i++) {
    const signal = { name: random.pick(signals), afterMs: random.next() * usualMs };
    const result = await runStream(config, output, { resume: existsSync(output), signal });
    told.push(`${signal.name} after ${Math.round(signal.afterMs)} ms`);
    counts.tried++;
    if (result.isHanging) counts.find("hangs", `${output}: ${told.join(", ")}`);
    else if (isAbort(result, signal.name))
      counts.find("aborts", `${output}: ${told.join(", ")}: ${lastWords(result)}`);
    else if (result.code === 0) isFinished = true;
    else counts.refused++;
    progress(counts.tried);
  }
  if (!isFinished) {
    const last = await runStream(config, output, { resume: existsSync(output) });
    if (last.code !== 0)
      return counts.find("wrong", `${output}: not resumed after ${told.join(", ")}: ${lastWords(last)}`);
  }
  const differing = differences(readRun(output), wanted);
  if (differing.length > 0)
    counts.find("wrong", `${output}: after ${told.join(", ")} these differ: ${differing.join(", ")}`);
}

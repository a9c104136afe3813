import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lastWords } from "./child.mjs";
import { inFolder } from "./folder.mjs";
import { processOfRank } from "./process-of-rank.mjs";
import { makeStream, readRun, runStream } from "./tiny-stream.mjs";

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGKILL: 137 };
const mostPerRun = 4;
const noticedWithinMs = 10_000; // 5 s on a machine that does nothing else

export const stoppedGroups = {
  name: "stopped groups",
  summary: "runs of several processes that are stopped, or lose rank 1, and go on with any number",
  usual: 30, // ten of each signal

  run: ({ random, count, counts, progress }) =>
    inFolder(counts, async (folder) => {
      const config = await makeStream(folder);
      const undisturbed = join(folder, "undisturbed");
      const alone = await runStream(config, undisturbed);
      if (alone.code !== 0) return counts.find("wrong", `an undisturbed run: ${lastWords(alone)}`);
      const start = performance.now();
      const together = await runStream(config, join(folder, "together"), { processes: 2 });
      const usualMs = performance.now() - start;
      if (together.code !== 0) return counts.find("wrong", `two processes: ${lastWords(together)}`);
      const wanted = results(undisturbed);
      if (results(join(folder, "together")) !== wanted)
        counts.find("wrong", `two processes end in other results than one: ${folder}`);
      for (let run = 0; counts.tried < count; run++) {
        const output = join(folder, `stopped-${run}`);
        await stopAndResume({ random, count, counts, progress, config, output, usualMs, wanted });
        if (counts.findings.length === 0) rmSync(output, { recursive: true });
      }
    }),
};

async function stopAndResume({ random, count, counts, progress, config, output, usualMs, wanted }) {
  const told = [];
  let isFinished = false;
  for (let i = 0; i < mostPerRun && counts.tried < count && !isFinished; i++) {
    const name = Object.keys(exitCodes)[counts.tried % 3];
    const processes = random.pick([2, 3]);
    const result = await disturb(config, output, { name, processes, afterMs: random.next() * usualMs });
    told.push(`${name} of ${processes} after ${Math.round(result.afterMs)} ms`);
    counts.tried++;
    const about = `${output}: ${told.join(", ")}`;
    const wrong = whatIsWrong(result, name, output);
    if (result.isHanging) counts.find("hangs", about);
    else if (wrong) {
      const said = `${output}-${i}.stderr`; // of each attempt
      writeFileSync(said, result.stderr);
      counts.find("wrong", `${about}: ${wrong}, see ${said}`);
    }
    if (result.code === 0) isFinished = true;
    else counts.refused++;
    progress(counts.tried);
  }
  const processes = random.pick([1, 2, 3]);
  const last = await runStream(config, output, { processes, resume: existsSync(output) });
  if (last.code !== 0)
    return counts.find("wrong", `${output}: not resumed after ${told.join(", ")}: ${lastWords(last)}`);
  if (results(output) !== wanted)
    counts.find("wrong", `${output}: ${processes} end in other results after ${told.join(", ")}`);
}

/** A run that a signal reaches at some moment: SIGKILL rank 1 alone, others all of them. */
async function disturb(config, output, { name, processes, afterMs }) {
  const options = { processes, resume: existsSync(output) };
  if (name !== "SIGKILL")
    return { ...(await runStream(config, output, { ...options, signal: { name, afterMs } })), afterMs };
  let killedAt;
  const timer = setTimeout(() => {
    const pid = processOfRank(1, output);
    if (pid === undefined) return; // it has not begun, or has ended
    killedAt = performance.now();
    process.kill(pid, "SIGKILL");
  }, afterMs);
  const result = await runStream(config, output, options);
  clearTimeout(timer);
  return { ...result, afterMs, noticedMs: killedAt && performance.now() - killedAt };
}

/** In a sentence, or undefined. */
function whatIsWrong({ code, signal, stderr, noticedMs }, name, output) {
  const isOrderly = code === 0 || code === exitCodes[name] || signal === name;
  if (!isOrderly) return `exit code ${code ?? signal}`;
  if (name === "SIGKILL" && /Rank 1 on \S+ \(process \d+\) ended/.test(stderr)) {
    if (noticedMs > noticedWithinMs) return `the others took ${Math.round(noticedMs)} ms to end`;
    if (stderr.match(/^codyra: /gm)?.length !== 1) return "expected one line that says why";
  } else if (code !== 0 && name !== "SIGKILL" && /^(\[rank \d+\] )?codyra( \(rank \d+\))?: /m.test(stderr))
    return "an error is told";
  try {
    if (existsSync(output)) readRun(output);
  } catch (error) {
    return `a file is not whole: ${error.message}`;
  }
}

/** Accuracies and ranks: weights differ in their last bits from one number of processes to another. */
function results(directory) {
  const files = readRun(directory);
  return JSON.stringify(["matrix.json", "ranks.json"].map((name) => files.get(name)));
}

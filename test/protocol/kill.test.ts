import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { Random } from "../../lib/data/index.js";
import { everyMethod } from "./tiny-methods.js";
import { outcome, readEvents, readFiles, temporaryFolder } from "./tiny-run.js";

function start(script: string, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

it("a run that is killed again and again ends in the same matrix", async () => {
  const [undisturbed, disturbed] = [temporaryFolder(), temporaryFolder()];
  expect(await once(start("killable-run.mjs", undisturbed), "exit")).toEqual([0, null]);
  const written = readEvents(undisturbed).length;

  // Killed after some line of the events was written, and a little later, so that it hits any part of an
  // iteration.
  const seed = process.env.CODYRA_TEST_SEED ?? `${Date.now()}`;
  const random = new Random(seed);
  const moments = Array.from({ length: 4 }, (_, i) => ({
    lines: Math.floor(random.uniform((i * written) / 4, ((i + 1) * written) / 4)),
    delay: random.uniform(0, 30),
  }));
  let isFinished = false;
  for (const { lines, delay } of moments) {
    const child = start("killable-run.mjs", disturbed);
    const exit = once(child, "exit");
    while (readEvents(disturbed).length < lines && child.exitCode === null) await setTimeout(1);
    await setTimeout(delay);
    child.kill("SIGKILL");
    const [code] = await exit;
    isFinished = code === 0;
    if (isFinished) break;
  }
  const killed = `killed at ${JSON.stringify(moments)}; CODYRA_TEST_SEED=${seed}`;
  if (!isFinished) expect(await once(start("killable-run.mjs", disturbed), "exit")).toEqual([0, null]);

  const matrix = (directory: string) => readFileSync(join(directory, "matrix.json"), "utf8");
  expect(matrix(disturbed), killed).toBe(matrix(undisturbed));
  expect(readEvents(disturbed), killed).toEqual(readEvents(undisturbed));
  const adapters = (directory: string) => readFiles(join(directory, "adapters"));
  expect(adapters(undisturbed)).toHaveLength(4);
  expect(adapters(disturbed), killed).toEqual(adapters(undisturbed));
});

it("every method goes on where its process was killed, to the same files", async () => {
  const [undisturbed, disturbed] = [temporaryFolder(), temporaryFolder()];
  const script = "killable-methods.mjs";
  const methods = JSON.stringify(everyMethod);
  expect(await once(start(script, undisturbed, methods), "exit")).toEqual([0, null]);

  let kills = 0;
  let [code, signal] = [null, "SIGKILL"];
  while (signal === "SIGKILL" && kills <= everyMethod.length) {
    [code, signal] = await once(start(script, disturbed, methods, "kill"), "exit");
    if (signal === "SIGKILL") kills++;
  }
  expect(code).toBe(0);
  expect(kills).toBe(everyMethod.length - 1); // zero-shot has nothing to do in its second task
  for (const [i, [name]] of everyMethod.entries()) {
    expect(outcome(join(disturbed, String(i))), name).toEqual(outcome(join(undisturbed, String(i))));
  }
}, 1_200_000);

it("statra goes on where it was killed in any of its phases, to the same files", async () => {
  const statra = everyMethod.filter(([name]) => name === "statra");
  const script = "killable-methods.mjs";
  const undisturbed = temporaryFolder();
  expect(await once(start(script, undisturbed, JSON.stringify(statra)), "exit")).toEqual([0, null]);
  const wanted = outcome(join(undisturbed, "0"));
  // Reports of its second task: 2 of crops, 2 of text iterations, 7 of surrogates, 1 of image iterations, 7
  // of surrogates, 2 of evaluation.
  for (const report of [1, 4, 8, 12, 15, 20]) {
    const disturbed = temporaryFolder();
    const args = [disturbed, JSON.stringify(statra)];
    expect(await once(start(script, ...args, String(report)), "exit"), `${report}`).toEqual([
      null,
      "SIGKILL",
    ]);
    expect(await once(start(script, ...args), "exit")).toEqual([0, null]);
    expect(outcome(join(disturbed, "0")), `killed at report ${report}`).toEqual(wanted);
  }
}, 1_200_000);

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { readEvents, readFiles, temporaryFolder } from "./tiny-run.js";

function start(directory: string): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, "killable-run.mjs"), directory], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

it("a run that is killed again and again ends in the same matrix", async () => {
  const [undisturbed, disturbed] = [temporaryFolder(), temporaryFolder()];
  const began = performance.now();
  expect(await once(start(undisturbed), "exit")).toEqual([0, null]);
  const duration = performance.now() - began;

  const delays: number[] = [];
  let isFinished = false;
  while (!isFinished && delays.length < 4) {
    const child = start(disturbed);
    const exit = once(child, "exit");
    const delay = duration * (0.4 + 0.6 * Math.random()); // loading libtorch and drawing come first
    delays.push(delay);
    await Promise.race([exit, setTimeout(delay)]);
    child.kill("SIGKILL");
    const [code] = await exit;
    isFinished = code === 0;
  }
  if (!isFinished) expect(await once(start(disturbed), "exit")).toEqual([0, null]);

  const matrix = (directory: string) => readFileSync(join(directory, "matrix.json"), "utf8");
  expect(matrix(disturbed), `killed after ${delays.map(Math.round)} ms`).toBe(matrix(undisturbed));
  expect(readEvents(disturbed)).toEqual(readEvents(undisturbed));
  const adapters = (directory: string) => readFiles(join(directory, "adapters"));
  expect(adapters(undisturbed)).toHaveLength(4);
  expect(adapters(disturbed)).toEqual(adapters(undisturbed));
});

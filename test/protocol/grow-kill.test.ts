import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { Random } from "../../lib/data/index.js";
import { readEvents, readFiles, temporaryFolder } from "./tiny-run.js";

function start(directory: string, count: number): ChildProcess {
  const script = join(import.meta.dirname, "growing-run.mjs");
  const child = spawn(process.execPath, [script, directory, String(count)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

const read = (directory: string, name: string) => readFileSync(join(directory, name), "utf8");

it("a stream that grows month by month, and is killed in between, ends in the whole stream's matrix", async () => {
  const [whole, grown] = [temporaryFolder(), temporaryFolder()];
  expect(await once(start(whole, 3), "exit")).toEqual([0, null]);
  const seed = process.env.CODYRA_TEST_SEED ?? `${Date.now()}`;
  const random = new Random(seed);
  const moments: string[] = [];
  for (const count of [1, 2, 3]) {
    // A growth writes nothing for a while: besides lines of events, time decides when it is hit.
    for (let kill = 0; kill < 2; kill++) {
      const before = readEvents(grown).length;
      const [lines, delay] = [before + Math.floor(random.uniform(0, 8)), random.uniform(0, 300)];
      const child = start(grown, count);
      const exit = once(child, "exit");
      while (readEvents(grown).length < lines && child.exitCode === null) await setTimeout(1);
      await setTimeout(delay);
      child.kill("SIGKILL");
      moments.push(`${count}: ${lines} lines and ${delay} ms`);
      if ((await exit)[0] === 0) break;
    }
    expect(await once(start(grown, count), "exit"), moments.join("; ")).toEqual([0, null]);
  }
  const killed = `killed at ${moments.join("; ")}; CODYRA_TEST_SEED=${seed}`;
  for (const name of ["matrix.json", "ranks.json"]) expect(read(grown, name), killed).toBe(read(whole, name));
  const adapters = (directory: string) => readFiles(join(directory, "adapters"));
  expect(adapters(grown), killed).toEqual(adapters(whole));
  const steps = (directory: string) => readEvents(directory).filter(({ kind }) => kind === "step");
  expect(steps(grown), killed).toEqual(steps(whole));
  const noted = readEvents(grown).filter(({ kind }) => kind === "reevaluation");
  expect(noted.map(({ grownTo, task }) => [grownTo, task])).toEqual([
    [2, -1],
    [2, 0],
    [3, -1],
    [3, 0],
    [3, 1],
  ]);
}, 600_000);

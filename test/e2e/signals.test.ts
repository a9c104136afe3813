import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { writePicture } from "../data/images.js";
import { outcome } from "../protocol/tiny-run.js";
import { codyra, startCodyra, temporaryFolder, writeConfig } from "./cli.js";

/** Two datasets of drawn pictures, with enough iterations to be interrupted. */
async function drawnStream(folder: string): Promise<string> {
  const colours = { red: "r", green: "g", blue: "b" } as const;
  for (const name of ["one", "two"]) {
    for (const [colour, channel] of Object.entries(colours)) {
      for (const part of ["train", "test"]) {
        const color = { r: 20, g: 20, b: name === "one" ? 20 : 90, [channel]: 220 };
        await writePicture(join(folder, name, part, `${colour} ${name}`, "0.png"), { color });
      }
    }
  }
  return writeConfig(folder, {
    name: "drawn",
    shots: null,
    cache: false,
    options: { iterations: 60, batchSize: 3, rank: 2, logEvery: 1, learningRate: 0.002, kappaMax: 0.05 },
    datasets: ["one", "two"].map((name) => ({ name, root: join(folder, name) })),
  });
}

const steps = (directory: string): number => {
  const path = join(directory, "events.jsonl");
  return existsSync(path) ? readFileSync(path, "utf8").split('"kind":"step"').length - 1 : 0;
};

it("every signal ends a run in order and with its exit code, and none costs more than an iteration", async () => {
  const folder = temporaryFolder();
  const config = await drawnStream(folder);
  const [undisturbed, disturbed] = [join(folder, "undisturbed"), join(folder, "disturbed")];
  expect(await codyra("run", "--config", config, "--output", undisturbed)).toMatchObject({ code: 0 });
  const attempts = [
    ["SIGTERM", 143, 10],
    ["SIGHUP", 129, 40],
    ["SIGINT", 130, 80],
  ] as const;
  for (const [signal, code, after] of attempts) {
    const { child, outcome } = startCodyra("run", "--config", config, "--output", disturbed, "--resume");
    onTestFinished(() => void child.kill("SIGKILL"));
    while (steps(disturbed) < after && child.exitCode === null) await new Promise((go) => setTimeout(go, 5));
    child.kill(signal);
    child.kill(signal); // as terminals and npx do: it is one
    const { code: found, stderr } = await outcome;
    expect(found, `${signal}: ${stderr}`).toBe(code);
    expect(stderr.match(/Stopping after this iteration/g)).toHaveLength(1);
    expect(existsSync(join(disturbed, "stages"))).toBe(true);
    const done = steps(disturbed);
    expect(done).toBeGreaterThanOrEqual(after);
  }
  expect(await codyra("run", "--config", config, "--output", disturbed, "--resume")).toMatchObject({
    code: 0,
  });
  const withoutReport = (directory: string) => {
    const { others, ...rest } = outcome(directory);
    return { ...rest, others: others.filter(([path]) => path !== "report.html") };
  };
  expect(withoutReport(disturbed)).toEqual(withoutReport(undisturbed));
});

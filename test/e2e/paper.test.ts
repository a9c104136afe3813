import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "./cli.js";

const script = resolve(import.meta.dirname, "../../scripts/paper.mjs");

/** `npm run paper -- --miniature` with its runs in a folder. */
function startPaper(folder: string, ...args: string[]) {
  const [dir, to] = [join(folder, "runs"), join(folder, "docs")];
  const child = spawn(process.execPath, [script, "--miniature", "--dir", dir, "--to", to, ...args]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const written = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text) => {
      written[stream] += text;
    });
  }
  const outcome = new Promise<{ code: number | null; stdout: string; stderr: string }>((done) => {
    child.on("close", (code) => done({ code, ...written }));
  });
  return { child, outcome, dir, to };
}

/** Waits for a condition, or the end of a process. */
async function until(condition: () => boolean, child: { exitCode: number | null }): Promise<void> {
  while (!condition() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
}

function isTraining(directory: string): boolean {
  const events = join(directory, "events.jsonl");
  return existsSync(events) && readFileSync(events, "utf8").includes('"kind":"step"');
}

function readRecord(directory: string) {
  return JSON.parse(readFileSync(join(directory, "run.json"), "utf8"));
}

it("writes tables and figures of all runs, makes each run once, and lists what failed", async () => {
  const folder = temporaryFolder();
  const choice = ["--methods", "zero-shot", "rail-dual", "--only", "x-tail", "--seeds", "1", "2"];
  const plan = await startPaper(folder, ...choice, "--plan").outcome;
  expect(plan.code, plan.stderr).toBe(0);
  expect(plan.stdout.match(/^ {2}open .* ~\d+ s {2}\d+ MB {2}codyra demo /gm)).toHaveLength(4);
  expect(plan.stdout).toContain("codyra demo --protocol x-tail --methods rail-dual --seed 2 --output");
  expect(plan.stdout).toMatch(/^4 runs, 0 finished; left: about \d+ s on cpu/m);

  const broken = join(folder, "runs", "x-tail", "seed-2", "rail-dual");
  mkdirSync(broken, { recursive: true });
  writeFileSync(join(broken, "run.json"), "{");
  const { outcome, to } = startPaper(folder, ...choice);
  const { code, stdout, stderr } = await outcome;
  expect(code, stderr).toBe(1);
  expect(stderr).toMatch(/\[4\/4\] /);
  expect(stderr).toMatch(
    /1 of 4 runs failed; --retry tries them again:\n {2}x-tail\/seed-2\/rail-dual {2}codyra: .*run\.json/,
  );
  const files = ["miniature-results.md", "miniature-results.svg", "miniature-figures/figures.md"];
  expect(stdout).toBe(files.map((name) => `${join(to, name)}\n`).join(""));

  const results = readFileSync(join(to, "miniature-results.md"), "utf8");
  const overall = results.slice(
    results.indexOf("## X-TAIL, 7 domains, seeds 1, 2"),
    results.indexOf("## Table 1"),
  );
  const row = (label: string) => overall.split("\n").find((line) => line.startsWith(`| ${label} |`)) ?? "";
  const numbers = (line: string) => Array.from(line.matchAll(/\d+\.\d/g), Number);
  // The embedded model and the test images are the same for all seeds.
  expect(numbers(row("CLIP zero-shot")).filter((_, i) => i % 2 === 1)).toEqual([0, 0, 0, 0]);
  const [zeroShot, rail] = ["CLIP zero-shot", "RAIL-Dual (1 of 2 seeds)"].map((label) => numbers(row(label)));
  expect(rail!.at(-2)!).toBeGreaterThan(zeroShot!.at(-4)!); // Last; one seed has no deviations
  expect(row("RAIL-Dual (1 of 2 seeds)")).toContain(`**${rail!.at(-2)!.toFixed(1)}**`);
  expect(results).toContain("## Table 5");
  expect(readFileSync(join(to, "miniature-results.svg"), "utf8")).toMatch(/^<svg/);

  const again = await startPaper(folder, ...choice, "--plan").outcome;
  expect(again.stdout.match(/^ {2}finished /gm)).toHaveLength(3);
  expect(again.stdout).toMatch(/^ {2}failed {4}x-tail\/seed-2\/rail-dual .*\n.*run\.json/m);
});

it("stops at Ctrl-C with its runs in order, and says so", async () => {
  const folder = temporaryFolder();
  const choice = ["--only", "x-tail", "--methods", "finetune", "--seeds", "1", "--jobs", "1"];
  const { child, outcome, dir, to } = startPaper(folder, ...choice);
  const run = join(dir, "x-tail", "seed-1", "finetune");
  await until(() => isTraining(run), child);
  child.kill("SIGINT");
  const { code, stdout, stderr } = await outcome;
  expect([code, stdout]).toEqual([130, ""]);
  expect(stderr).toBe("Stopping; the same command goes on from here.\n");
  expect(readdirSync(run)).toContain("matrix.json");
  expect(existsSync(to)).toBe(false);
});

it("two processes share a plan; when one is killed in the middle of a run, the other finishes all", async () => {
  const folder = temporaryFolder();
  const group = (name: string, iterations: number, seeds: number[]) => ({
    ...{ name, for: "a test", protocol: "mtil", datasets: ["digits"], methods: ["finetune"], seeds },
    vary: [[`iterations=${iterations}`]],
  });
  const plan = join(folder, "plan.yaml"); // JSON is YAML
  writeFileSync(plan, JSON.stringify({ groups: [group("long", 100, [1]), group("short", 10, [1, 2])] }));
  const start = () => startPaper(folder, "--run", "--from", plan, "--jobs", "1");
  const first = start();
  const claims = join(first.dir, ".plan", "claims");
  const directory = (group: string, seed: number) => join(first.dir, group, `seed-${seed}`, "finetune");
  const long = directory("long/iterations=100", 1);
  await until(() => isTraining(long), first.child);
  const claim = readFileSync(join(claims, "long__iterations=100__seed-1__finetune.1"), "utf8");
  const { pid } = JSON.parse(claim) as { pid: number };
  onTestFinished(() => {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It was killed below.
    }
  });
  process.kill(pid, "SIGSTOP"); // it is not done before the other process has begun, however long that takes
  const second = start();
  await until(() => readdirSync(claims).some((name) => name.startsWith("short")), second.child);
  expect(readRecord(long).finishedAt).toBeNull();

  first.child.kill("SIGKILL");
  process.kill(pid, "SIGKILL");
  const { code, stderr } = await second.outcome;
  expect(code, stderr).toBe(0);
  for (const path of [long, directory("short/iterations=10", 1), directory("short/iterations=10", 2)]) {
    expect(readRecord(path).finishedAt, path).not.toBeNull();
  }
  expect(readdirSync(claims).toSorted()).toEqual([
    "long__iterations=100__seed-1__finetune.1",
    "long__iterations=100__seed-1__finetune.2",
    "short__iterations=10__seed-1__finetune.1",
    "short__iterations=10__seed-2__finetune.1",
  ]);
});

it("refuses what is not there", async () => {
  const folder = temporaryFolder();
  const unknown = await startPaper(folder, "--methods", "adam").outcome;
  expect([unknown.code, unknown.stderr]).toEqual([
    2,
    expect.stringContaining("--methods: expected some of zero-shot, "),
  ]);
  const seeds = await startPaper(folder, "--seeds", "one").outcome;
  expect([seeds.code, seeds.stderr]).toEqual([2, expect.stringContaining("Expected a whole number")]);
});

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "./cli.js";

const script = resolve(import.meta.dirname, "../../scripts/paper.mjs");

function startPaper(folder: string, ...args: string[]) {
  const [runs, to] = [join(folder, "runs"), join(folder, "docs")];
  const child = spawn(process.execPath, [script, "--miniature", "--runs", runs, "--to", to, ...args]);
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
  return { child, outcome, runs, to };
}

it("writes tables of all runs, makes each run once, and lists what failed", async () => {
  const folder = temporaryFolder();
  const choice = ["--methods", "zero-shot", "rail-dual", "--protocols", "x-tail", "--seeds", "1", "2"];
  const plan = await startPaper(folder, ...choice, "--plan").outcome;
  expect(plan.code, plan.stderr).toBe(0);
  expect(plan.stdout.trimEnd().split("\n")).toHaveLength(4);
  expect(plan.stdout).toContain("codyra demo --protocol x-tail --methods rail-dual --seed 2 --output");

  const broken = join(folder, "runs", "x-tail", "seed-2", "rail-dual");
  mkdirSync(broken, { recursive: true });
  writeFileSync(join(broken, "run.json"), "{");
  const { outcome, to } = startPaper(folder, ...choice);
  const { code, stdout, stderr } = await outcome;
  expect(code, stderr).toBe(1);
  expect(stderr).toMatch(/\[4\/4\] /);
  expect(stderr).toMatch(/1 of 4 runs failed:\n {2}x-tail {2}rail-dual {2}seed 2 {2}codyra: .*run\.json/);
  expect(stdout).toBe(`${join(to, "miniature-results.md")}\n${join(to, "miniature-results.svg")}\n`);

  const table = readFileSync(join(to, "miniature-results.md"), "utf8");
  expect(table).toContain("## X-TAIL, seeds 1, 2\n");
  expect(table).not.toContain("MTIL");
  const row = (label: string) => table.split("\n").find((line) => line.startsWith(`| ${label} |`)) ?? "";
  const numbers = (line: string) => Array.from(line.matchAll(/\d+\.\d/g), Number);
  // The embedded model and the test images are the same for all seeds.
  expect(numbers(row("zero-shot")).filter((_, i) => i % 2 === 1)).toEqual([0, 0, 0, 0]);
  const [zeroShotLast, railLast] = ["zero-shot", "rail-dual (1 of 2 seeds)"].map((label) =>
    numbers(row(label)),
  );
  expect(railLast!.at(-4)!).toBeGreaterThan(zeroShotLast!.at(-4)!);
  expect(row("rail-dual (1 of 2 seeds)")).toContain(`**${railLast!.at(-4)!.toFixed(1)}** ± 0.0`);
  expect(readFileSync(join(to, "miniature-results.svg"), "utf8")).toMatch(/^<svg/);

  const again = await startPaper(folder, ...choice, "--plan").outcome;
  expect(again.stdout.match(/finished$/gm)).toHaveLength(3);
});

it("stops at Ctrl-C with its runs in order, and says so", async () => {
  const folder = temporaryFolder();
  const { child, outcome, runs, to } = startPaper(
    folder,
    "--methods",
    "finetune",
    "--seeds",
    "1",
    "--jobs",
    "1",
  );
  const events = join(runs, "x-tail", "seed-1", "finetune", "events.jsonl");
  const isTraining = () => existsSync(events) && readFileSync(events, "utf8").includes('"kind":"step"');
  while (!isTraining() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill("SIGINT");
  const { code, stdout, stderr } = await outcome;
  expect([code, stdout]).toEqual([130, ""]);
  expect(stderr).toBe("Stopping; the same command goes on from here.\n");
  expect(readdirSync(join(runs, "x-tail", "seed-1", "finetune"))).toContain("matrix.json");
  expect(existsSync(to)).toBe(false);
});

it("refuses what is not there", async () => {
  const folder = temporaryFolder();
  const unknown = await startPaper(folder, "--methods", "adam").outcome;
  expect([unknown.code, unknown.stderr]).toEqual([
    2,
    expect.stringContaining("Allowed choices are zero-shot, "),
  ]);
  const seeds = await startPaper(folder, "--seeds", "one").outcome;
  expect([seeds.code, seeds.stderr]).toEqual([2, expect.stringContaining("Expected a whole number")]);
});

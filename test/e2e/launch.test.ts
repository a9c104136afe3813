import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { processExists } from "../../lib/files/index.js";
import { readBuildRecord } from "../../scripts/setup/index.mjs";
import { processOfRank } from "../../scripts/stress/process-of-rank.mjs";
import { needs } from "../needs.js";
import { codyra, startCodyra, temporaryFolder } from "./cli.js";
import { drawnStream, steps } from "./drawn-stream.js";

const launch = ["launch", "--processes", "2"];
const main = resolve(import.meta.dirname, "../../dist/cli/main.js");
const python = readBuildRecord()?.python;

/** A stream, how one process that nobody disturbs learns it, and the folder for another run. */
async function prepare() {
  const folder = temporaryFolder();
  const config = await drawnStream(folder);
  const [undisturbed, directory] = [join(folder, "undisturbed"), join(folder, "run")];
  expect(await codyra("run", "--config", config, "--output", undisturbed)).toMatchObject({ code: 0 });
  const expectSame = (): void => {
    for (const file of ["matrix.json", "ranks.json"])
      expect(readFileSync(join(directory, file), "utf8")).toBe(readFileSync(join(undisturbed, file), "utf8"));
  };
  return { config, directory, run: ["run", "--config", config, "--output", directory], expectSame };
}

async function waitForSteps(directory: string, count: number, child: ChildProcess): Promise<void> {
  onTestFinished(() => void child.kill("SIGKILL"));
  while (steps(directory) < count && child.exitCode === null) await new Promise((go) => setTimeout(go, 5));
}

it("stops all processes in order at signals, and one process ends where an undisturbed run ends", {
  timeout: 600_000,
}, async () => {
  const { config, directory, run, expectSame } = await prepare();
  const attempts = [
    ["SIGINT", 130, 5],
    ["SIGTERM", 143, 30],
    ["SIGTERM", 143, 65],
    ["SIGINT", 130, 90],
  ] as const;
  for (const [signal, code, after] of attempts) {
    const { child, outcome } = startCodyra(...launch, ...run, "--resume-if-started");
    await waitForSteps(directory, after, child);
    child.kill(signal);
    const { code: found, stderr } = await outcome;
    expect(found, `${signal}: ${stderr}`).toBe(code);
    expect(stderr).toContain("Processes  2, of ");
    expect(stderr).toContain(
      `To go on: codyra launch --processes 2 run --config ${config} --output ${directory} --resume\n`,
    );
    expect(stderr).not.toMatch(/\[rank 1\]|frame #/);
    expect(readdirSync(directory)).toContain("stages");
    expect(steps(directory), "nothing is lost").toBeGreaterThanOrEqual(after);
  }
  expect(await codyra(...run, "--resume")).toMatchObject({ code: 0 });
  expectSame();
});

it("names a rank that is killed in one line, and three processes go on", { timeout: 600_000 }, async () => {
  const { directory, run, expectSame } = await prepare();
  const { child, outcome } = startCodyra(...launch, ...run);
  await waitForSteps(directory, 70, child);
  const killed = processOfRank(1, directory);
  process.kill(killed as number, "SIGKILL");
  const { code, stderr } = await outcome;
  expect(code).toBe(137);
  expect(stderr.split("\n").filter((line) => line.includes("codyra:"))).toEqual([
    expect.stringContaining(`Rank 1 on ${hostname()} (process ${killed}) ended without a word`),
  ]);
  expect(await codyra("launch", "-n", "3", ...run, "--resume")).toMatchObject({ code: 0 });
  expectSame();
});

it("ends with its launcher, and goes on from there", { timeout: 600_000 }, async () => {
  const { directory, run, expectSame } = await prepare();
  const { child } = startCodyra(...launch, ...run);
  await waitForSteps(directory, 30, child);
  const ranks = [0, 1].map((rank) => processOfRank(rank, directory) as number);
  child.kill("SIGKILL");
  await vi.waitFor(() => expect(ranks.map(processExists)).toEqual([false, false]), { timeout: 60_000 });
  expect(readdirSync(directory), "they stopped in order").toContain("stages");
  expect(await codyra(...run, "--resume")).toMatchObject({ code: 0 });
  expectSame();
});

it("heals by itself under torchrun", {
  ...needs(typeof python === "string", "no Python with torch", "`npm run setup` without LIBTORCH"),
  timeout: 600_000,
}, async () => {
  const { directory, run, expectSame } = await prepare();
  const words = ["--standalone", "--no-python", "--nproc-per-node", "2", "--max-restarts", "1"];
  const command = [process.execPath, main, ...run, "--resume-if-started"];
  const child = spawn(python as string, ["-m", "torch.distributed.run", ...words, ...command]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  const ended = new Promise((done) => child.on("close", done));
  await waitForSteps(directory, 70, child);
  process.kill(processOfRank(1, directory) as number, "SIGKILL");
  expect(await ended, output).toBe(0);
  expectSame();
});

it("learns one more dataset as one process does", { timeout: 600_000 }, async () => {
  const folder = temporaryFolder();
  const config = await drawnStream(folder, ["one"]);
  const [alone, together] = [join(folder, "alone"), join(folder, "together")];
  expect(await codyra("run", "--config", config, "--output", alone)).toMatchObject({ code: 0 });
  cpSync(alone, together, { recursive: true });
  const learn = ["learn", "--dataset", "two", "--root", join(folder, "two"), "--json", "--run"];
  const [one, two] = [await codyra(...learn, alone), await codyra(...launch, ...learn, together)];
  expect(two.code, two.stderr).toBe(0);
  const matrix = ({ stdout }: typeof one) => (JSON.parse(stdout) as { matrix: number[][] }).matrix;
  expect(matrix(two)).toHaveLength(2);
  expect(matrix(two)).toEqual(matrix(one));
});

it("compares methods of the demo as one process does", { timeout: 600_000 }, async () => {
  const folder = temporaryFolder();
  const demo = (...methods: string[]) => [
    "demo",
    "--methods",
    ...methods,
    "--domains",
    "flags",
    "signs",
    "--json",
  ];
  const [alone, together] = [join(folder, "alone"), join(folder, "together")];
  const quick = ["-o", "iterations=4", "--output"];
  const one = await codyra(...demo("lora", "finetune"), ...quick, alone);
  const two = await codyra(...launch, ...demo("lora", "finetune"), ...quick, together);
  expect(two.code, two.stderr).toBe(0);
  const runs = ({ stdout }: typeof one) => (JSON.parse(stdout) as { runs: unknown[] }).runs;
  expect(runs(two)).toHaveLength(2);
  expect(runs(two)).toEqual(runs(one));
  const refused = await codyra(...launch, ...demo("lora", "dac"), ...quick, join(folder, "refused"));
  expect(refused.code).toBe(2);
  expect(refused.stderr.match(/Method dac: expected one process, got 2\./g)).toHaveLength(1);
});

it("refuses other commands, and tells what is wrong once", { timeout: 60_000 }, async () => {
  const other = await codyra("launch", "--processes", "2", "tables", "--runs", "x");
  expect(other).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/launch: expected run, learn or demo, got tables\./),
  });
  const crowd = await codyra("launch", "-n", "100000", "run", "--config", "nothing.yaml");
  expect(crowd).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--processes: expected at most \d+, 4 for each of \d+ cores, got 100000/),
  });
  const missing = await codyra("launch", "-n", "2", "run", "--config", "nothing.yaml");
  expect(missing.code).toBe(1);
  expect(missing.stderr.match(/no such file/g)).toHaveLength(1);
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { collectOption } from "../../lib/cli/input/collect-option.js";
import { methods } from "../../lib/methods/index.js";
import { printedTables } from "../../lib/report/index.js";
import { planRuns, readPlan, settingsOf } from "../../scripts/paper/plan.mjs";
import { duration } from "../../scripts/paper/run-all.mjs";
import { writeRun } from "../report/fixtures.js";

const configs = resolve(import.meta.dirname, "../../configs/paper");
const full = readPlan(join(configs, "plan.yaml"));

interface Group {
  name: string;
  for: string;
  methods: string[];
}

const plans = ["plan.yaml", "miniature-plan.yaml"].map((file) => ({
  file,
  plan: readPlan(join(configs, file)),
}));

it.each(plans)("$file has runs for every table and figure, with folders of their own", ({ plan }) => {
  const runs = planRuns(plan, "/runs");
  expect(new Set(runs.map(({ directory, args }) => [directory, args[0]].join())).size).toBe(runs.length);
  const purposes = plan.groups.map((group: Group) => group.for).join();
  for (const number of [1, 2, 3, 5]) expect(purposes).toMatch(new RegExp(`Tables? [^F]*\\b${number}\\b`));
  for (const number of [2, 3, 7, 8, 9]) expect(purposes).toMatch(new RegExp(`Figures? [^T]*\\b${number}\\b`));
  expect(runs.filter(({ needs }) => needs !== undefined)).toHaveLength(1);
});

const rankChoice = { file: "rank-choice-plan.yaml", plan: readPlan(join(configs, "rank-choice-plan.yaml")) };

it("the plan of ranks chosen otherwise shares what it can with the miniature plan", () => {
  const runs = planRuns(rankChoice.plan, "/runs");
  expect(new Set(runs.map(({ directory }) => directory)).size).toBe(runs.length);
  expect(runs).toHaveLength(2 * 3 * (4 + 4 + 3)); // protocols, seeds; rows to compare with, variants, replay
  const miniature = plans.find(({ file }) => file === "miniature-plan.yaml")!;
  const shared = planRuns(miniature.plan, "/runs").map(({ args }) => args.join(" "));
  const compared = runs.filter(({ id }) => !/^(rank-choice|replay)/.test(id));
  for (const { args } of compared) expect(shared).toContain(args.join(" "));
  expect([rankChoice, miniature].map(({ plan }) => plan.results)).toEqual(["rank-choice", "miniature"]);
});

it.each([...plans, rankChoice])("$file names methods with options that they accept", ({ plan }) => {
  for (const { method, args } of planRuns(plan, "/runs")) {
    if (method === undefined) continue;
    const definition = methods.find(({ name }) => name === method);
    const given = args.flatMap((word: string, i: number) => (args[i - 1] === "--option" ? [word] : []));
    const options = given.reduce(
      (all: Record<string, unknown>, text: string) => collectOption(text, all),
      {},
    );
    expect(() => definition?.create(options, "x-tail"), `${method} ${given.join(" ")}`).not.toThrow();
    expect(definition, method).toBeDefined();
  }
});

it("the paper's plan makes every row of its tables", () => {
  const printed = printedTables();
  const made = (name: string) => full.groups.find((group: Group) => group.name === name)?.methods;
  const xTail = [...Object.keys(printed["x-tail"].transfer), ...Object.keys(printed.overall)];
  expect(made("x-tail")).toEqual(expect.arrayContaining(xTail));
  expect(made("mtil").toSorted()).toEqual(Object.keys(printed.mtil.transfer).toSorted());
  expect(made("hold-outs").toSorted()).toEqual(Object.keys(printed.holdOuts.transfer).toSorted());
});

it("tries every option of one list with every one of the others", () => {
  const group = {
    name: "g",
    for: "a test",
    protocol: "x-tail",
    methods: ["lora"],
    vary: [
      ["rank=4", "rank=8"],
      ["", "encoders=vision targets=q,v"],
    ],
  };
  const runs = planRuns({ seeds: [1], groups: [group] }, "/runs");
  expect(runs.map(({ id }) => id)).toEqual([
    "g/rank=4/seed-1/lora",
    "g/rank=4_encoders=vision_targets=q,v/seed-1/lora",
    "g/rank=8/seed-1/lora",
    "g/rank=8_encoders=vision_targets=q,v/seed-1/lora",
  ]);
  expect(runs[3]?.args.join(" ")).toBe(
    "demo --protocol x-tail --methods lora --seed 1 --option rank=8 --option encoders=vision --option targets=q,v " +
      "--output /runs/g/rank=8_encoders=vision_targets=q,v/seed-1 --resume",
  );
});

it("runs of the embedded benchmark start from the model that is named, and others do not stand for them", () => {
  const folder = mkdtempSync(join(tmpdir(), "codyra-plan-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const group = { name: "g", for: "a test", protocol: "x-tail", methods: ["zero-shot"] };
  const plan = { seeds: [1], groups: [group] };
  const [usual] = planRuns(plan, folder);
  const [first] = planRuns(plan, folder, { model: "miniature" });
  expect(usual?.args).not.toContain("--model");
  expect(first?.args.join(" ")).toContain("--methods zero-shot --seed 1 --model miniature --output");
  const config = { model: "miniature", shots: 16, testPerClass: 20, referencePairs: 512 };
  const info = { finishedAt: "2025-01-02T03:05:10.000Z", config: { ...config, options: {} } };
  writeRun(first!.directory, { method: "zero-shot", info });
  expect([usual?.isFinished(), first?.isFinished()]).toEqual([false, true]);
});

it("a run is finished when its record says so, with the options that the configuration has now", () => {
  const folder = mkdtempSync(join(tmpdir(), "codyra-plan-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, "c.yaml"),
    "shots: 16\nmethods: { lora: { iterations: 5, ddas: { unit: batch, code: 1 } } }\n",
  );
  writeFileSync(
    join(folder, "plan.yaml"),
    "seeds: [1]\ngroups: [{ name: g, for: a test, config: c.yaml, methods: [lora], vary: [[rank=4 ddas.unit=image]] }]\n",
  );
  const [run] = planRuns(readPlan(join(folder, "plan.yaml")), folder);
  expect(run?.isFinished()).toBe(false);
  const record = (rank: number, finishedAt: string | null, unit = "image") => {
    const options = { iterations: 5, rank, ddas: { unit, code: 1, threshold: 2 } };
    writeRun(run!.directory, { method: "lora", info: { finishedAt, config: { shots: 16, options } } });
    return run?.isFinished();
  };
  expect(record(4, null)).toBe(false);
  expect(record(8, "2025-01-02T03:05:10.000Z")).toBe(false);
  expect(record(4, "2025-01-02T03:05:10.000Z", "batch")).toBe(false);
  expect(record(4, "2025-01-02T03:05:10.000Z")).toBe(true);
});

it("options of a plan are read as on the command line, and `true` stands for a group of them", () => {
  const folder = mkdtempSync(join(tmpdir(), "codyra-plan-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, "plan.yaml"),
    'seeds: [1]\ngroups: [{ name: g, for: a test, protocol: mtil, methods: [lora], vary: [["replay=true cropScale=[0.8,1]"]] }]\n',
  );
  const [run] = planRuns(readPlan(join(folder, "plan.yaml")), folder);
  const settings = settingsOf({});
  const finished = (given: object) => {
    const { model, shots, testPerClass, referencePairs, methods } = settings;
    const options = { ...methods.lora, ...given };
    const config = { model, shots, testPerClass, referencePairs, options };
    writeRun(run!.directory, { method: "lora", info: { finishedAt: "2025-01-02T03:05:10.000Z", config } });
    return run?.isFinished();
  };
  expect(finished({ replay: { replayWeight: 2 }, cropScale: [0.8, 1] })).toBe(true);
  expect(finished({ replay: false, cropScale: [0.8, 1] })).toBe(false);
  expect(finished({ replay: { replayWeight: 2 }, cropScale: [0.9, 1] })).toBe(false);
});

it("tells times in the unit that fits", () => {
  const hour = 3_600_000;
  const told = [40_000, 25 * 60_000, 3.5 * hour, 40 * hour, 220 * hour].map(duration);
  expect(told).toEqual(["40 s", "25 min", "3.5 h", "40.0 h", "9 days"]);
});

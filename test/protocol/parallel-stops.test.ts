import { cpSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runRanks, startRanks } from "../torch/distributed/ranks.js";
import { readEvents, readFiles, readJson, temporaryFolder } from "./tiny-run.js";

const script = "../../../protocol/stoppable-runs.mjs";
const training = { iterations: 5, batchSize: 7, logEvery: 1, learningRate: 1e-4 };
const replay = { pseudoFeatures: 8, wordCount: 20, wordBatch: 3 };
const cases: readonly (readonly [name: string, options: Record<string, unknown>])[] = [
  ["codyra", { ...training, learningRate: 0.01, rank: 3, kappaMax: 0.05 }],
  ["finetune", training],
  ["icarl", { ...training, memory: 11 }],
  ["keeplora", { ...training, rank: 3 }],
  ["statra", { ...training, ...replay, rank: 3, crops: 2, imageLearningRate: 1e-4 }],
  ["codyra+rail-primal", { ...training, rank: 3, rail: { hiddenDim: 20 } }],
];

interface Run {
  /** Reports of the second task. */
  readonly reports: readonly string[];
  readonly ending: string;
}

it("2 processes stop after the same part of a task, and 1, 2 and 3 go on from there", {
  timeout: 600_000,
}, async () => {
  const [undisturbed, stopped] = [temporaryFolder(), temporaryFolder()];
  const list = JSON.stringify(cases);
  const [wanted = []] = await runRanks<Run[]>(script, 1, [undisturbed, list]);
  const before = await runRanks<Run[]>(script, 2, [stopped, list, "stop", "3"]);
  expect(before[1]).toEqual(before[0]);
  for (const { reports, ending } of before[0] ?? []) {
    expect(ending).toBe("AbortError: stopped by SIGTERM");
    // In training the word goes with the next iteration's gradients.
    expect(reports).toHaveLength(reports.at(-1)?.startsWith("training") ? 4 : 3);
  }
  for (const count of [1, 2, 3]) {
    const resumed = temporaryFolder();
    cpSync(stopped, resumed, { recursive: true });
    const after = await runRanks<Run[]>(script, count, [resumed, list]);
    for (const [i, [name]] of cases.entries()) {
      const about = `${name} with ${count}`;
      const [was, wants] = [before[0]?.[i]?.reports ?? [], wanted[i]?.reports ?? []];
      for (const runs of after) expect(runs[i]?.reports, about).toEqual(wants.slice(was.length));
      expectSame(join(resumed, String(i)), join(undisturbed, String(i)), about);
    }
  }
});

it("after kill -9 of rank 1 the others name it, and 1, 2 and 3 processes go on", {
  timeout: 240_000,
}, async () => {
  const [undisturbed, killed] = [temporaryFolder(), temporaryFolder()];
  const list = JSON.stringify(cases.slice(0, 1));
  await runRanks<Run[]>(script, 1, [undisturbed, list]);
  const ranks = await startRanks(script, 3, [killed, list, "kill", "3"]);
  const ended = await Promise.all(ranks.map(({ ended }) => ended));
  expect(ended[1]?.signal).toBe("SIGKILL");
  for (const rank of [0, 2]) {
    const [{ ending } = { ending: "" }] = JSON.parse(ended[rank]?.stdout.trim() ?? "") as Run[];
    expect(ending).toContain(
      `Error: Rank 1 on ${hostname()} (process ${ranks[1]?.pid}) ended without a word`,
    );
    expect(ending).not.toContain("\n");
  }
  for (const count of [1, 2, 3]) {
    const resumed = temporaryFolder();
    cpSync(killed, resumed, { recursive: true });
    const [[run] = []] = await runRanks<Run[]>(script, count, [resumed, list]);
    const { reports, ending } = run as Run;
    expect(ending).toBe("finished");
    expect(reports.length, "from what was saved in the background").toBeLessThan(5);
    expect(reports).toEqual([1, 2, 3, 4, 5].slice(-reports.length).map((done) => `training ${done}`));
    expectSame(join(resumed, "0"), join(undisturbed, "0"), `with ${count}`);
  }
});

it("after kill -9 in an evaluation, 1, 2 and 3 processes go on after the dataset that was measured last", {
  timeout: 240_000,
}, async () => {
  const [undisturbed, killed] = [temporaryFolder(), temporaryFolder()];
  const list = JSON.stringify(cases.slice(0, 1));
  await runRanks<Run[]>(script, 1, [undisturbed, list]);
  // Of 12 and 8 images, in batches of three, rank 1 has two batches of each dataset.
  const ranks = await startRanks(script, 2, [killed, list, "kill", "3", "evaluation"]);
  const [first, second] = await Promise.all(ranks.map(({ ended }) => ended));
  expect([first?.code, second?.signal]).toEqual([0, "SIGKILL"]);
  for (const count of [1, 2, 3]) {
    const resumed = temporaryFolder();
    cpSync(killed, resumed, { recursive: true });
    const after = await runRanks<Run[]>(script, count, [resumed, list, "none", "0", "evaluation"]);
    for (const [run] of after) expect(run?.ending).toBe("finished");
    const reports = after.flatMap(([run]) => run?.reports ?? []);
    expect(reports.length, "batches of the second dataset, among all").toBe(3);
    for (const report of reports) expect(Number(report.split(" ")[1])).toBeGreaterThan(12);
    expectSame(join(resumed, "0"), join(undisturbed, "0"), `with ${count}`);
  }
});

function expectSame(directory: string, wanted: string, about: string): void {
  expect(readJson(directory, "matrix.json"), about).toEqual(readJson(wanted, "matrix.json"));
  expect(readFiles(directory).map(([path]) => path)).toEqual(readFiles(wanted).map(([path]) => path));
  const [losses, wantedLosses] = [lossesOf(directory), lossesOf(wanted)];
  expect(losses, about).toHaveLength(wantedLosses.length);
  for (const [step, loss] of losses.entries())
    expect(Math.abs(loss - (wantedLosses[step] as number)), about).toBeLessThan(1e-5);
}

function lossesOf(directory: string): number[] {
  return readEvents(directory).flatMap(({ kind, loss }) => (kind === "step" ? [loss as number] : []));
}

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createMethod } from "../../lib/methods/index.js";
import type { RunOptions } from "../../lib/protocol/index.js";
import { everyVariant, tinyReference } from "./tiny-methods.js";
import { outcome, temporaryFolder, tinyOptions, tinyRun } from "./tiny-run.js";

/** Seconds of work at most, which is done again as a whole. */
const repeated = "keeping exemplars";

type Start = (overrides: Partial<RunOptions>) => Promise<unknown>;

/** Counts reports of training and of other work within tasks, and stops at one of them. */
async function countReports(start: Start, stopAt = Number.POSITIVE_INFINITY) {
  const controller = new AbortController();
  let [task, all, counted] = [-1, 0, 0];
  const report = (what: string): void => {
    if (task < 0) return;
    if (what !== repeated) counted++;
    if (++all === stopAt) controller.abort();
  };
  const observer = {
    taskStarted(index: number) {
      task = index;
    },
    trained: () => report("training"),
    worked: report,
  };
  try {
    await start({ observer, signal: controller.signal, resume: true });
    return { isFinished: true, all, counted };
  } catch (error) {
    expect(error).toMatchObject({ name: "AbortError" });
    return { isFinished: false, all, counted };
  }
}

it.each(everyVariant)(
  "%s %j goes on from wherever it is stopped, and does nothing twice",
  async (name, options) => {
    const [undisturbed, stopped] = [temporaryFolder(), temporaryFolder()];
    const startIn = (directory: string) => (overrides: Partial<RunOptions>) =>
      tinyRun(directory, {
        method: createMethod(name, options, "x-tail"),
        reference: tinyReference(),
        saveEverySeconds: 1e-9, // stages that are done in no time are saved as well
        ...overrides,
      });
    const whole = await countReports(startIn(undisturbed));
    const stride = Math.ceil(whole.all / 14);
    let done = 0;
    for (let attempt = 0, isFinished = false; !isFinished; attempt++) {
      const reports = await countReports(startIn(stopped), stride * (1 + (attempt % 3)));
      isFinished = reports.isFinished;
      done += reports.counted;
    }
    expect(done).toBe(whole.counted);
    expect(outcome(stopped)).toEqual(outcome(undisturbed));
  },
);

const options = { ...tinyOptions, logEvery: 1 };

/** Stops a run at an iteration of its second task. @returns the file that it leaves */
async function stopInTheMiddle(directory: string, overrides: Partial<RunOptions> = {}): Promise<string> {
  const controller = new AbortController();
  let task = -1;
  const observer = {
    taskStarted(index: number) {
      task = index;
    },
    trained: (done: number) => void (task === 1 && done === 3 && controller.abort()),
  };
  const stopped = tinyRun(directory, { options, observer, signal: controller.signal, ...overrides });
  await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  return join(directory, "stages", "task-1", "0.safetensors");
}

/** Resumes, and tells the iterations of the second task and the warnings. */
async function resumed(directory: string, overrides: Partial<RunOptions> = {}) {
  const [iterations, warnings]: [number[], string[]] = [[], []];
  const observer = {
    trained: (done: number) => void iterations.push(done),
    warn: (message: string) => void warnings.push(message),
  };
  await tinyRun(directory, { options, observer, resume: true, ...overrides });
  return { iterations, warnings };
}

it("0 saves nothing", async () => {
  const folder = temporaryFolder();
  await stopInTheMiddle(folder, { saveEverySeconds: 0 });
  expect(existsSync(join(folder, "stages", "task-1"))).toBe(false);
  expect(await resumed(folder)).toEqual({ iterations: [1, 2, 3, 4], warnings: [] });
});

it("saves while training goes on, and removes what it saved with the checkpoint", async () => {
  const folder = temporaryFolder();
  const found = new Set<string>();
  const stages = join(folder, "stages");
  const observer = {
    trained() {
      if (existsSync(stages)) for (const each of readdirSync(stages)) found.add(each);
    },
  };
  await tinyRun(folder, { options, observer, saveEverySeconds: 1e-9 });
  expect([...found]).toEqual(["task-0", "task-1"]);
  expect(existsSync(stages)).toBe(false);
});

it("goes on from a saved state, and begins the task anew where that is damaged or of another run", async () => {
  const [whole, damaged, other, undisturbed] = Array.from({ length: 4 }, temporaryFolder) as [
    string,
    string,
    string,
    string,
  ];
  await tinyRun(undisturbed, { options });
  await stopInTheMiddle(whole);
  expect(await resumed(whole)).toEqual({ iterations: [4], warnings: [] });

  const file = await stopInTheMiddle(damaged);
  const bytes = readFileSync(file);
  bytes[bytes.length - 5]! ^= 1;
  writeFileSync(file, bytes);
  const anew = [1, 2, 3, 4];
  expect(await resumed(damaged)).toEqual({
    iterations: anew,
    warnings: [expect.stringMatching(/^The state saved in the middle of the task is left aside: .* SHA-256/)],
  });

  const content = readFileSync(await stopInTheMiddle(other));
  const text = content.toString("latin1").replace('\\"libtorch\\":\\"2', '\\"libtorch\\":\\"1');
  expect(text).not.toBe(content.toString("latin1"));
  // Its checksum no longer fits, so it is left out.
  const unchecked = text
    .replace('"codyra_sha256"', '"codyra_sha255"')
    .replace('"codyra_checksum"', '"codyra_checksun"');
  writeFileSync(join(other, "stages", "task-1", "0.safetensors"), Buffer.from(unchecked, "latin1"));
  expect(await resumed(other)).toEqual({
    iterations: anew,
    warnings: ["The state saved in the middle of the task is left aside: it differs in libtorch"],
  });
  for (const directory of [whole, damaged, other]) {
    expect(outcome(directory)).toEqual(outcome(undisturbed));
  }
});

it("trains on where a state cannot be written, and says so once", async () => {
  const folder = temporaryFolder();
  const warnings: string[] = [];
  await tinyRun(folder, {
    options,
    saveEverySeconds: 1e-9,
    observer: {
      taskStarted(index) {
        mkdirSync(join(folder, "stages"));
        writeFileSync(join(folder, "stages", `task-${index}`), ""); // a file in the place of the folder
      },
      warn: (message) => void warnings.push(message),
    },
  });
  expect(warnings).toHaveLength(2); // once a task
  expect(warnings[0]).toMatch(/^The task in progress is not saved, but goes on\. .*stages/);
});

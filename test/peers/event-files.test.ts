import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../lib/methods/index.js";
import { RunBoard } from "../../lib/report/index.js";
import { needs } from "../needs.js";
import { readEvents, temporaryFolder, tinyOptions, tinyRun } from "../protocol/tiny-run.js";
import { needsPeers, runPeer } from "./python.js";

describe("TensorBoard", needsPeers, () => {
  it("reads the curves of a run that was interrupted and resumed, every point once", async ({
    skip,
    task,
  }) => {
    const [run, directory] = [temporaryFolder(), temporaryFolder()];
    const controller = new AbortController();
    const attempt = (stopAt: number | undefined, resume: boolean) => {
      const board = new RunBoard(directory, tinyOptions.iterations);
      const logged = (event: RunEvent): void => {
        board.log(event);
        if (event.task === 1 && event.step === stopAt) controller.abort();
      };
      return tinyRun(run, { observer: { logged }, resume, signal: resume ? undefined : controller.signal });
    };
    await expect(attempt(2, false)).rejects.toMatchObject({ name: "AbortError" });
    const { zeroShot, matrix } = await attempt(undefined, true);

    const curves = (await runPeer("event_files.py", directory)) as Record<string, [number, number][]> | null;
    if (curves === null) {
      Object.assign(
        task.meta,
        needs(false, "a Python without the package tensorboard", "`npm run test:peers`").meta,
      );
      return skip();
    }
    const steps = readEvents(run).filter(({ kind }) => kind === "step");
    expect(curves["train/loss"]).toEqual(
      steps.map(({ loss }, i) => [2 * (i + 1), Math.fround(loss as number)]),
    );
    expect(curves["train/activeRanks"]).toHaveLength(4);
    expect(curves["accuracy/colours"]).toEqual(
      [zeroShot!, ...matrix].map(([accuracy], i) => [4 * i, Math.fround(accuracy!)]),
    );
  });
});

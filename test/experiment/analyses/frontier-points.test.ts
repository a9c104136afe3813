import { describe, expect, it } from "vitest";
import { Progress } from "../../../lib/cli/output/progress.js";
import { copyModel } from "../../../lib/clip/index.js";
import type { FrontierCase } from "../../../lib/experiment/analyses/frontier-case.js";
import { measureFrontier } from "../../../lib/experiment/analyses/frontier-points.js";
import { applyUpdates, type LowRankUpdates, survivingRanks } from "../../../lib/lora/index.js";
import { evaluateZeroShot } from "../../../lib/protocol/index.js";
import { memoryStatistics } from "../../../lib/torch/index.js";
import { tinyClip, trainedAdapters } from "../../lora/models.js";
import { colourTasks } from "../../methods/tasks.js";

const options = { draws: 2, images: 6, progress: new Progress(), signal: new AbortController().signal };

function learnedCase(encoders: "both" | "text" = "both"): FrontierCase {
  const before = tinyClip();
  const adapters = trainedAdapters(before, { rank: 2, encoders });
  const updates: LowRankUpdates = survivingRanks(adapters);
  adapters.remove();
  const stream = colourTasks();
  return { seed: 1, dataset: "greys", before, updates, train: stream[1]!.train, stream };
}

describe("measureFrontier", () => {
  it("is the merged model where nothing is changed, and has the text's update alone at α = 0", async () => {
    const given = learnedCase();
    const { before, updates, stream } = given;
    const accuraciesWith = async (isKept: (name: string) => boolean) => {
      const model = copyModel(before);
      applyUpdates(model, new Map([...updates].filter(([name]) => isKept(name))));
      const both = await evaluateZeroShot(model, stream);
      model.dispose();
      const split = ([others, own]: number[]) => ({ own, others });
      return { "x-tail": split(both["x-tail"]), mtil: split(both.mtil) };
    };
    const points = await measureFrontier(given, options);
    const at = (name: string) => points.find((point) => point.name === name)!;
    expect(at("nothing (α = 1)")).toMatchObject({ norm: 1, ...(await accuraciesWith(() => true)) });
    const isText = (name: string) => name.startsWith("text_model.");
    expect(at("scaled, α = 0")).toMatchObject({ norm: 0, ...(await accuraciesWith(isText)) });
    expect(at("before learning")).toMatchObject({ norm: 0, ...(await accuraciesWith(() => false)) });
    expect(at("scaled, α = 0.5").norm).toBeCloseTo(0.5, 6);
    expect(points.map(({ kind }) => kind)).toEqual([
      "before",
      ...Array(5).fill("scaled"),
      "random",
      "benefit-harm",
      "harm",
      "wiener",
      "wiener",
    ]);
    for (const { norm } of points.slice(6)) {
      expect(norm).toBeGreaterThan(0);
      expect(norm).toBeLessThan(1);
    }
    expect(await measureFrontier(given, options)).toEqual(points);
  });

  it("releases what it made, and stops when it is told to", async () => {
    const given = learnedCase();
    await evaluateZeroShot(given.before, given.stream); // the model keeps its preprocessing's constants
    const before = memoryStatistics();
    await measureFrontier(given, { ...options, draws: 1, probes: 2 });
    expect(memoryStatistics()).toEqual(before);
    const signal = AbortSignal.abort(new DOMException("stopped", "AbortError"));
    await expect(measureFrontier(given, { ...options, signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(memoryStatistics()).toEqual(before);
  });

  it("needs an update of the image encoder", async () => {
    await expect(measureFrontier(learnedCase("text"), options)).rejects.toThrow(
      "greys: expected an update of the image encoder, got none. Let encoders be both or vision.",
    );
  });
});

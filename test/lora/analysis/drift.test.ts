import { expect, it } from "vitest";
import { applyUpdates, modelDrift, survivingRanks, updateSize } from "../../../lib/lora/index.js";
import { memoryStatistics, noGrad } from "../../../lib/torch/index.js";
import { tinyClip, trainedAdapters } from "../models.js";

it("is the norm of all updates together, encoder by encoder", () => {
  const [model, reference] = [tinyClip(), tinyClip()];
  const lora = trainedAdapters(model, { rank: 2 });
  const updates = survivingRanks(lora);
  const { modules } = lora;
  lora.remove();
  applyUpdates(model, updates);
  const squares = { vision: 0, text: 0 };
  for (const { name, encoder } of modules) {
    const update = updates.get(name)!;
    squares[encoder] += updateSize(reference.stateDict().get(`${name}.weight`)!, update).deltaNorm ** 2;
  }
  const before = memoryStatistics();
  const drift = modelDrift(model, reference);
  expect(memoryStatistics()).toEqual(before);
  // Weights near 1 that moved by about 0.1 hold the difference to seven digits less one: 1e-5 relative.
  expect(drift.vision.distance / Math.sqrt(squares.vision)).toBeCloseTo(1, 5);
  expect(drift.text.distance / Math.sqrt(squares.text)).toBeCloseTo(1, 5);
  expect(drift.total.distance).toBeCloseTo(Math.hypot(drift.vision.distance, drift.text.distance), 9);
});

it("counts every parameter but the logit scale", () => {
  const [model, reference] = [tinyClip(), tinyClip()];
  noGrad(() => model.logitScale.add_(3));
  expect(modelDrift(model, reference)).toMatchObject({ vision: { distance: 0 }, text: { distance: 0 } });
  const [name, projection] = [...model.stateDict()].find(([key]) => key === "visual_projection.weight")!;
  noGrad(() => projection.add_(0.5));
  const { vision, text } = modelDrift(model, reference);
  expect(vision.distance, name).toBeCloseTo(0.5 * Math.sqrt(projection.numel()), 5);
  expect(text.distance).toBe(0);
});

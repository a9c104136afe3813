import { expect, test } from "vitest";
import { type DualEncoder, PackedVision } from "../../lib/clip/index.js";
import { inject } from "../../lib/lora/index.js";
import { generator, memoryStatistics, randn, scope, type Tensor } from "../../lib/torch/index.js";
import { tinyClip } from "../lora/models.js";
import { wideClip } from "./wide-clip.js";

const pixels = (size = 48): Tensor => randn([6, 3, size, size], { generator: generator(2) });

/** Largest difference, relative to the largest value. */
function distance(found: Tensor, expected: Tensor): number {
  return found.sub(expected).abs().max().item() / expected.abs().max().item();
}

function adapted(model: DualEncoder): number {
  return model.adaptableLayers().filter(({ linear }) => linear.adapter !== undefined).length;
}

test("encodes as the model does, whatever the number of images", () => {
  const model = wideClip();
  using vision = new PackedVision(model, { batchSize: 6 });
  scope(() => {
    expect(distance(vision.encodeImage(pixels()), model.encodeImage(pixels()))).toBeLessThan(1e-5);
    const one = pixels().narrow(0, 0, 1);
    expect(distance(vision.encodeImage(one), model.encodeImage(one))).toBeLessThan(1e-5);
  });
});

test("encodes in bfloat16 as the model does in that precision", () => {
  const model = wideClip();
  using vision = new PackedVision(model, { batchSize: 6, precision: "bf16" });
  scope(() => {
    const exact = model.encodeImage(pixels());
    const found = vision.encodeImage(pixels());
    expect(found.dtype).toBe("float32");
    expect(distance(found, exact)).toBeGreaterThan(1e-5);
    model.precision = "bf16";
    const rounded = model.encodeImage(pixels());
    model.precision = "fp32";
    expect(distance(found, exact)).toBeLessThan(2 * distance(rounded, exact));
  });
});

test("leaves the model as it was, also where encoding fails", () => {
  const model = wideClip();
  using vision = new PackedVision(model, { batchSize: 6, precision: "bf16" });
  scope(() => vision.encodeImage(pixels()));
  expect(() => vision.encodeImage(randn([6, 3, 32, 32]))).toThrow("48");
  expect([adapted(model), model.precision]).toEqual([0, "fp32"]);
});

test("keeps the weights as they were when it was made", () => {
  const model = wideClip();
  using vision = new PackedVision(model, { batchSize: 6, precision: "bf16" });
  scope(() => {
    const before = vision.encodeImage(pixels());
    for (const { linear } of model.adaptableLayers()) linear.weight.zero_();
    expect(distance(vision.encodeImage(pixels()), before)).toBe(0);
  });
});

test("leaves adapted layers and small ones to the model", () => {
  const model = wideClip();
  const lora = inject(model, { encoders: "vision", targets: ["q", "k", "v"] });
  using vision = new PackedVision(model, { batchSize: 6 });
  scope(() => expect(distance(vision.encodeImage(pixels()), model.encodeImage(pixels()))).toBeLessThan(1e-5));
  expect(adapted(model)).toBe(2);
  lora.remove();

  const tiny = tinyClip();
  using small = new PackedVision(tiny, { batchSize: 6 });
  scope(() => expect(distance(small.encodeImage(pixels(32)), tiny.encodeImage(pixels(32)))).toBe(0));
});

test("gives its memory back", () => {
  const model = wideClip();
  const before = memoryStatistics();
  new PackedVision(model, { batchSize: 6, precision: "bf16" }).dispose();
  expect(memoryStatistics()).toEqual(before);
});

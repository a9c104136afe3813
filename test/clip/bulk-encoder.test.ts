import { expect, test } from "vitest";
import { BulkEncoder, type DualEncoder, PackedVision } from "../../lib/clip/index.js";
import { generator, randn, scope, type Tensor } from "../../lib/torch/index.js";
import { wideClip } from "./wide-clip.js";

const pixels = (): Tensor => randn([6, 3, 48, 48], { generator: generator(2) });

function isPacked(model: DualEncoder, encoder: BulkEncoder): boolean {
  const before = encoder.encode(pixels());
  for (const { linear } of model.adaptableLayers()) linear.weight.zero_(); // packed weights are a copy
  return encoder.encode(pixels()).equal(before);
}

test("packs the weights in bfloat16 for many images, and where their number is not known", () => {
  for (const images of [64, undefined]) {
    const model = wideClip();
    model.precision = "bf16";
    scope(() => {
      using encoder = new BulkEncoder(model, { batchSize: 6, images });
      using packed = new PackedVision(model, { batchSize: 6 });
      expect(encoder.encode(pixels()).equal(packed.encodeImage(pixels()))).toBe(true);
      expect(isPacked(model, encoder)).toBe(true);
    });
  }
});

test("leaves few images to the model, but in another precision packs", () => {
  const model = wideClip();
  scope(() => {
    using encoder = new BulkEncoder(model, { batchSize: 6, images: 63 });
    expect(encoder.encode(pixels()).equal(model.encodeImage(pixels()))).toBe(true);
    using rounded = new PackedVision(model, { batchSize: 6, precision: "bf16" });
    expect(encoder.encode(pixels(), "bf16").equal(rounded.encodeImage(pixels()))).toBe(true);
    expect(isPacked(model, encoder)).toBe(false);
  });
});

import { onTestFinished } from "vitest";
import { type DualEncoder, loadModel } from "../../lib/clip/index.js";
import { inject, type LoraConfig, type LoraModel } from "../../lib/lora/index.js";
import { generator, noGrad, randn, scope, type Tensor, tensor } from "../../lib/torch/index.js";
import { fixture } from "../clip/fixtures.js";

/** A CLIP with random weights: vision 2 × 24 wide, text 3 × 16 wide, 32-pixel images. */
export function tinyClip(): DualEncoder {
  const model = loadModel(fixture("quick-gelu")).requiresGrad_(false);
  onTestFinished(() => model.dispose());
  return model;
}

/** Adapters as training might leave them: B is no longer zero, some ranks are. */
export function trainedAdapters(model: DualEncoder, config: Partial<LoraConfig> = {}): LoraModel {
  const random = generator(11);
  const lora = inject(model, config, random);
  noGrad(() =>
    scope(() => {
      for (const { loraB } of lora.layers) loraB.copy_(randn(loraB.shape, { generator: random }).mul(0.2));
      if (!config.importance?.startsWith("fixed")) {
        const isKept = randn(lora.importance.shape, { generator: random }).abs().gt(0.4);
        isKept.select(1, 0).fill_(true); // the first rank of every module survives
        lora.importance.mul_(isKept);
      }
    }),
  );
  return lora;
}

/** Features of fixed pixels and prompts: everything that adapters can change. */
export function features(model: DualEncoder): { image: Tensor; text: Tensor } {
  const pixels = randn([2, 3, 32, 32], { generator: generator(1) });
  const ids = tensor([[542, 5, 9, 543]], { dtype: "int64" });
  return { image: model.encodeImage(pixels), text: model.encodeText(ids) };
}

/** Copies of all published parameters, released after the test. */
export function snapshot(model: DualEncoder): Map<string, Tensor> {
  const copies = noGrad(
    () => new Map(Array.from(model.stateDict(), ([key, tensor]) => [key, tensor.clone()])),
  );
  onTestFinished(() => {
    for (const copy of copies.values()) copy.dispose();
  });
  return copies;
}

import { describe, it } from "vitest";
import { loadModel } from "../../lib/clip/index.js";
import { expected, fixture } from "../clip/fixtures.js";
import { expectNear, hasGpu } from "./compare.js";

describe.skipIf(!hasGpu).each(["quick-gelu", "gelu"])("%s model on a GPU", (name) => {
  it("computes what transformers computed on a CPU: features, logits, loss and all gradients", () => {
    const reference = expected(name);
    const model = loadModel(fixture(name), { device: "cuda" }).requiresGrad_(true);
    const onCpu = loadModel(fixture(name)).requiresGrad_(true);
    const onDevice = (key: string) => reference(key).to({ device: "cuda" });

    const [image, text] = [model.encodeImage(onDevice("pixels")), model.encodeText(onDevice("ids"))];
    expectNear(image, reference("image_features"), "image features");
    expectNear(text, reference("text_features"), "text features");
    const logits = model.logits(image, text);
    expectNear(logits, reference("logits"), "logits");

    logits.square().mean().backward();
    onCpu
      .logits(onCpu.encodeImage(reference("pixels")), onCpu.encodeText(reference("ids")))
      .square()
      .mean()
      .backward();
    const gradients = new Map(Array.from(onCpu.namedParameters()));
    for (const [key, parameter] of model.namedParameters()) {
      const wanted = gradients.get(key)!.grad!;
      const scale = wanted.abs().max().item() || 1;
      expectNear(parameter.grad!.div(scale), wanted.div(scale), key);
    }
    model.dispose();
    onCpu.dispose();
  });
});

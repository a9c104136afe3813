import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type ImageSet, imageSetFromArrays } from "../../../lib/data/index.js";
import type { RunEvent } from "../../../lib/methods/index.js";
import {
  type DomainAutoencoderOptions,
  DomainAutoencoders,
  domainAutoencoderShape,
} from "../../../lib/methods/shared/domain-autoencoders.js";
import { domainFeatures } from "../../../lib/methods/shared/domain-features.js";
import * as torch from "../../../lib/torch/index.js";
import { expectClose } from "../../clip/fixtures.js";
import { tinyClip } from "../../lora/models.js";
import { baseline, float, smoothImages } from "../fixtures.js";
import { recordedContext } from "../tasks.js";

const optionsWith = (given: Partial<DomainAutoencoderOptions>): DomainAutoencoderOptions =>
  z.strictObject(domainAutoencoderShape).parse(given);

/** The mean colour of each image, `[B, 3]`. */
const meanColour = (pixels: torch.Tensor): torch.Tensor => pixels.mean([2, 3]);

/** Images of one colour each, which a random crop does not change. */
function plainImages(colours: readonly number[][], size = 32): ImageSet {
  const images = Uint8Array.from(
    colours.flatMap((colour) => Array.from({ length: size * size }, () => colour).flat()),
  );
  return imageSetFromArrays({ images, labels: new Int32Array(colours.length) }, size);
}

describe("training", () => {
  it("agrees with Adam and coupled weight decay in PyTorch, with a rate that falls to a tenth", async () => {
    const { seed, code, colours, loss, parameters, errors } = baseline("autoencoder");
    const events: RunEvent[] = [];
    const seen: [string, number, number][] = [];
    const context = recordedContext(tinyClip(), {
      log: (event) => events.push(event),
      worked: (...progress) => seen.push(progress),
    });
    const options = optionsWith({ code, weightDecay: 0.1, decayEvery: { colours: 5 } });
    const autoencoders = new DomainAutoencoders(meanColour, options);
    const images = plainImages(colours);
    expect(await autoencoders.train("colours", images, 12, context, seed)).toBeCloseTo(loss, 6);
    for (const [i, trained] of Array.from(autoencoders.tensors().values()).entries()) {
      expectClose(trained, float(parameters[i]), { rtol: 1e-5, atol: 1e-5, what: `parameter ${i}` });
    }
    const pixels = context.model.preprocessing.normalise(images.images);
    expectClose(autoencoders.errors(pixels).squeeze(1), float(errors), { rtol: 1e-5, atol: 1e-6 });
    expect(events).toEqual([
      { kind: "autoencoder", task: 0, domain: "colours", iterations: 12, loss: expect.any(Number) },
    ]);
    expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => ["autoencoder of colours", i + 1, 12]));
    autoencoders.dispose();
    images.dispose();
  });

  it("stops when the run is aborted, and keeps nothing", async () => {
    const controller = new AbortController();
    const context = recordedContext(tinyClip(), {
      signal: controller.signal,
      worked: () => controller.abort(),
    });
    const autoencoders = new DomainAutoencoders(meanColour, optionsWith({ code: 2 }));
    const images = plainImages([[1, 2, 3]]);
    await expect(autoencoders.train("one", images, 9, context, 1)).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(autoencoders.domains).toEqual([]);
    images.dispose();
  });
});

describe("assign", () => {
  /** Three autoencoders whose errors on an image are its three values, whatever they are. */
  function withErrors(given: Partial<DomainAutoencoderOptions>) {
    const autoencoders = new DomainAutoencoders((pixels) => pixels, optionsWith(given));
    const none = torch.zeros([1, 3]);
    const parameters = [none, torch.zeros([1]), torch.zeros([3, 1]), torch.zeros([3])];
    const domains = ["(reference)", "first", "second"];
    autoencoders.load(
      domains,
      new Map(
        domains.flatMap((domain) => parameters.map((tensor, i) => [`autoencoder.${domain}.${i}`, tensor])),
      ),
    );
    autoencoders.errors = (errors) => errors;
    return autoencoders;
  }
  const e = (...rows: number[][]) => torch.tensor(rows);

  it("agrees with the examples of docs/specification.md, section 4", () => {
    const at = (threshold: number, errors: number[]) => withErrors({ threshold }).assign(e(errors));
    expect(at(0.06, [0.07, 0.05, 0.09])).toEqual(["first"]);
    expect(at(0.045, [0.07, 0.05, 0.09])).toEqual([undefined]);
    expect(at(0.06, [0.04, 0.05, 0.09])).toEqual(["(reference)"]); // of no task: methods answer with CLIP
  });

  it("assigns a batch by its mean errors, or each image by its own", () => {
    const errors = e([0.07, 0.01, 0.09], [0.07, 0.05, 0.03]); // means 0.07, 0.03, 0.06
    expect(withErrors({}).assign(errors)).toEqual(["first", "first"]);
    expect(withErrors({ unit: "image" }).assign(errors)).toEqual(["first", "second"]);
  });

  it("remembers the mean errors on each dataset until they are taken", () => {
    const autoencoders = withErrors({});
    autoencoders.assign(e([0.5, 0.25, 1], [0.25, 0.25, 0]), "flowers");
    autoencoders.assign(e([0, 1, 0.5]), "flowers");
    autoencoders.assign(e([1, 1, 1]), "cars");
    expect(autoencoders.takeErrors()).toEqual({
      flowers: { "(reference)": 0.25, first: 0.5, second: 0.5 },
      cars: { "(reference)": 1, first: 1, second: 1 },
    });
    expect(autoencoders.takeErrors()).toEqual({});
  });

  it("finds no domain before there is one", () => {
    expect(new DomainAutoencoders(meanColour, optionsWith({})).assign(torch.zeros([2, 3, 4, 4]))).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe("domainFeatures", () => {
  it("are those of AlexNet's layers in PyTorch, up to the fifth convolution", () => {
    const path = new URL("../fixtures/alexnet.safetensors", import.meta.url).pathname;
    const extract = domainFeatures(path, tinyClip());
    const pixels = torch
      .tensor(Array.from(smoothImages(2, 64)))
      .view([2, 64, 64, 3])
      .permute([0, 3, 1, 2])
      .div(255);
    expectClose(extract(pixels), float(baseline("alexnet").features), { rtol: 1e-5, atol: 1e-6 });
  });

  it("name what an AlexNet lacks", () => {
    const path = new URL("../../clip/fixtures/gelu/model.safetensors", import.meta.url).pathname;
    expect(() => domainFeatures(path, tinyClip())).toThrow(
      /model\.safetensors: expected 'features\.0\.weight' of torchvision's AlexNet, got /,
    );
  });
});

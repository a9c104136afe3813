import { z } from "zod";
import { type ImageSet, TrainingBatches } from "../../data/index.js";
import { code, paper } from "../../options/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { inParts } from "./in-parts.js";
import { liveState } from "./live-state.js";
import type { ProtocolName, RunContext } from "./types.js";

/** Options of the autoencoders that tell domains apart. */
export const domainAutoencoderShape = {
  features: z
    .string()
    .default("alexnet")
    .meta(
      paper(
        "features that they read: a safetensors file of torchvision's AlexNet, or clip for CLIP's patch embeddings",
      ),
    ),
  code: z.int().positive().default(100).meta(code("width of the code")),
  iterations: z.int().positive().default(300).meta(code("iterations for a task")),
  referenceIterations: z.int().positive().default(1000).meta(code("iterations for the reference data")),
  learningRate: z.number().positive().default(3e-3).meta(code("learning rate")),
  decayEvery: z
    .record(z.string(), z.int().positive())
    .default({})
    .meta(code("iterations after which the learning rate falls to a tenth, by dataset")),
  weightDecay: z.number().nonnegative().default(1e-4).meta(code("weight decay, through the gradient")),
  batchSize: z.int().positive().default(64).meta(code("images per iteration")),
  threshold: z
    .number()
    .positive()
    .default(0.06)
    .meta(code("reconstruction error above which no task is chosen")),
  unit: z.enum(["batch", "image"]).default("batch").meta(code("unit that is assigned to a task as a whole")),
} as const;

export type DomainAutoencoderOptions = z.infer<z.ZodObject<typeof domainAutoencoderShape>>;

/**
 * Fills in the decay of learning rates, after ten epochs of a dataset's whole training set. Only Flowers102
 * of MTIL, with 16 batches an epoch, comes to that within 300 iterations.
 */
export function withDecay(given: unknown, protocol: ProtocolName): unknown {
  const published = protocol === "mtil" ? { decayEvery: { flowers102: 160 } } : {};
  return typeof given === "object" || given === undefined ? { ...published, ...given } : given;
}

/** The domain of the reference data, which is of no task. */
const referenceDomain = "(reference)";

/**
 * An autoencoder per domain, each reconstructing the image features of its own domain best. This is the
 * Distribution Discriminative Auto-Selector of MoE-Adapters, arXiv:2403.11549, section 3.3;
 * `src/models/AutoEncoder.py` of JiazuoYu/MoE-Adapters4CL.
 *
 * `v = sigmoid(features)`, `v̂ = sigmoid(W₂ ReLU(W₁ v + b₁) + b₂)`, loss `mean (v − v̂)²`. The released code
 * also asks the untrained autoencoders of tasks to come; their errors are far above any useful threshold.
 */
export class DomainAutoencoders {
  readonly #autoencoders = new Map<string, readonly Tensor[]>();
  readonly #errorSums = new Map<string, { images: number; sums: number[] }>(); // by dataset

  /** @param extract image features of normalised pixels, `[B, F]`, before the sigmoid */
  constructor(
    readonly extract: (pixels: Tensor) => Tensor,
    readonly options: DomainAutoencoderOptions,
  ) {}

  /** Names of the domains, in the order they were learned. */
  get domains(): string[] {
    return Array.from(this.#autoencoders.keys());
  }

  /** Trains the autoencoder of a domain. @returns the loss of the last iteration */
  async train(
    domain: string,
    images: ImageSet,
    iterations: number,
    context: RunContext,
    seed: number,
  ): Promise<number> {
    const { model } = context;
    const batches = new TrainingBatches(images, {
      batchSize: this.options.batchSize,
      seed,
      preprocessing: model.preprocessing,
      device: model.device,
    });
    const features = torch.scope(() => this.#targets(batches.at(0).pixels).size(1));
    const generator = torch.generator(seed, model.device);
    const parameters = createAutoencoder(features, this.options.code, generator, model.device);
    try {
      const loss = await this.#fit(domain, parameters, batches, iterations, context);
      this.#autoencoders.set(domain, parameters);
      context.log({ kind: "autoencoder", task: context.taskIndex, domain, iterations, loss });
      return loss;
    } catch (error) {
      for (const parameter of parameters) parameter.dispose();
      throw error;
    }
  }

  /** Trains that of the reference data, where there are any: what it reconstructs best is of no task. */
  async trainReference(context: RunContext): Promise<void> {
    const { reference, seed } = context;
    if (reference === undefined) return;
    await this.train(referenceDomain, reference.images, this.options.referenceIterations, context, seed);
  }

  /**
   * Reconstruction errors of images.
   * @param pixels normalised `[B, 3, S, S]`
   * @returns `[B, domains]`, in the order of `domains`
   */
  errors(pixels: Tensor): Tensor {
    return torch.scope(() => {
      const target = this.#targets(pixels);
      const errors = Array.from(this.#autoencoders.values(), (parameters) =>
        reconstruct(target, parameters).sub(target).square().mean([1]),
      );
      return torch.stack(errors, 1);
    });
  }

  /**
   * The domain that each image is assigned to: that of the smallest error, `undefined` where even that is
   * above the threshold. All images of a batch go to one domain where the unit is the batch.
   * @param dataset the images' dataset, for `takeErrors` only
   */
  assign(pixels: Tensor, dataset = ""): (string | undefined)[] {
    const { threshold, unit } = this.options;
    const { domains } = this;
    if (domains.length === 0) return Array.from({ length: pixels.size(0) }, () => undefined);
    return torch.scope(() => {
      const perImage = this.errors(pixels);
      this.#remember(dataset, perImage);
      const errors = unit === "batch" ? perImage.mean([0], true).expandAs(perImage) : perImage;
      const [lowest, best] = errors.min(1);
      const isKnown = lowest.le(threshold).toArray() as (boolean | number)[];
      return (best.toArray() as (bigint | number)[]).map((domain, i) =>
        isKnown[i] ? domains[Number(domain)] : undefined,
      );
    });
  }

  /**
   * The mean error of each domain's autoencoder on each dataset that was assigned since the last call: what a
   * threshold is chosen by.
   */
  takeErrors(): Record<string, Record<string, number>> {
    const means = Array.from(this.#errorSums, ([dataset, { images, sums }]) => {
      const perDomain = this.domains.map((domain, i) => [domain, (sums[i] as number) / images]);
      return [dataset, Object.fromEntries(perDomain)];
    });
    this.#errorSums.clear();
    return Object.fromEntries(means);
  }

  tensors(): Map<string, Tensor> {
    return new Map(
      Array.from(this.#autoencoders).flatMap(([domain, parameters]) =>
        parameters.map((parameter, i) => [`autoencoder.${domain}.${i}`, parameter] as const),
      ),
    );
  }

  /** @param domains in the order they were learned */
  load(domains: readonly string[], tensors: ReadonlyMap<string, Tensor>): void {
    this.dispose();
    for (const domain of domains) {
      const parameters = [0, 1, 2, 3].map((i) =>
        torch.keep(torch.unscoped(() => (tensors.get(`autoencoder.${domain}.${i}`) as Tensor).clone())),
      );
      this.#autoencoders.set(domain, parameters);
    }
  }

  dispose(): void {
    for (const parameter of Array.from(this.#autoencoders.values()).flat()) parameter.dispose();
    this.#autoencoders.clear();
  }

  async #fit(
    domain: string,
    parameters: readonly Tensor[],
    batches: TrainingBatches,
    iterations: number,
    context: RunContext,
  ): Promise<number> {
    const { learningRate, decayEvery, weightDecay } = this.options;
    const period = decayEvery[domain] ?? Number.POSITIVE_INFINITY;
    const optimizer = new torch.optim.AdamW(parameters, { learningRate, weightDecay: 0 });
    const last: { loss?: number } = {};
    const iterate = (i: number): void => {
      const { pixels } = batches.at(i);
      const target = torch.noGrad(() => this.#targets(pixels));
      const error = reconstruct(target, parameters).sub(target).square().mean();
      optimizer.zeroGrad();
      error.backward();
      // The released code decays as Adam does, through the gradient, not as AdamW.
      torch.noGrad(() => {
        for (const parameter of parameters) parameter.grad?.add_(parameter, { alpha: weightDecay });
      });
      optimizer.learningRate = learningRate * 0.1 ** Math.floor(i / period);
      optimizer.step();
      if (i + 1 === iterations) last.loss = error.item();
    };
    try {
      const state = liveState({ tensors: { parameters }, optimizers: [optimizer], counters: last });
      await inParts(context, `autoencoder of ${domain}`, iterations, iterate, state);
      return last.loss as number;
    } finally {
      optimizer.zeroGrad();
      optimizer.dispose();
      for (const parameter of parameters) parameter.requiresGrad = false;
    }
  }

  #remember(dataset: string, errors: Tensor): void {
    const known = this.#errorSums.get(dataset) ?? { images: 0, sums: [] };
    const sums = errors.sum([0]).toArray() as number[];
    this.#errorSums.set(dataset, {
      images: known.images + errors.size(0),
      sums: sums.map((sum, i) => sum + (known.sums[i] ?? 0)),
    });
  }

  #targets(pixels: Tensor): Tensor {
    return this.extract(pixels).sigmoid();
  }
}

/** Encoder, its bias, decoder, its bias. */
export function autoencoderShapes(features: number, code: number): number[][] {
  return [[code, features], [code], [features, code], [features]];
}

/** As linear layers start: uniform in ±1/√inputs. */
function createAutoencoder(
  features: number,
  code: number,
  generator: torch.Generator,
  device: torch.Device,
): Tensor[] {
  return autoencoderShapes(features, code).map((shape, i) => {
    const bound = 1 / Math.sqrt(i < 2 ? features : code);
    return torch
      .scope(() => torch.empty(shape, { device }).uniform_(-bound, bound, { generator }))
      .keep()
      .requiresGrad_();
  });
}

function reconstruct(target: Tensor, parameters: readonly Tensor[]): Tensor {
  const [encoder, encoderBias, decoder, decoderBias] = parameters as [Tensor, Tensor, Tensor, Tensor];
  return torch.linear(torch.linear(target, encoder, encoderBias).relu(), decoder, decoderBias).sigmoid();
}

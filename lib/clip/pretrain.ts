import { setImmediate } from "node:timers/promises";
import { checkOptions, type OptionKeys, withRenamed } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { DualEncoder } from "./dual-encoder.js";

export interface PretrainOptions {
  readonly iterations: number;
  readonly batchSize: number;
  /** Highest learning rate of AdamW: after a linear warm-up it decays to 0 along a cosine. */
  readonly learningRate: number;
  /** Iterations of the warm-up. */
  readonly warmup: number;
  /** On weight matrices; biases, layer norms, embeddings and the logit scale have none. */
  readonly weightDecay: number;
  readonly betas: readonly [number, number];
  /** Upper bound of exp(logit scale); CLIP uses 100. */
  readonly maxLogitScale: number;
  /** Gradients are scaled down to this norm. */
  readonly maxGradientNorm: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Called every `reportEvery` iterations with the mean loss since the last report. */
  readonly onProgress?: (iteration: number, loss: number) => void;
  readonly reportEvery?: number;
}

const optionKeys: OptionKeys<PretrainOptions> = {
  iterations: true,
  batchSize: true,
  learningRate: true,
  warmup: true,
  weightDecay: true,
  betas: true,
  maxLogitScale: true,
  maxGradientNorm: true,
  seed: true,
  signal: true,
  onProgress: true,
  reportEvery: true,
};

/** The options as earlier versions called them. */
export interface EarlierPretrainOptions extends Omit<PretrainOptions, "iterations" | "warmup"> {
  /** @deprecated It is `iterations` now. */
  readonly steps: number;
  /** @deprecated It is `warmup` now. */
  readonly warmupSteps: number;
}

const earlierNames = { steps: "iterations", warmupSteps: "warmup" };

/**
 * Contrastive pre-training on image–caption pairs: the symmetric cross-entropy of `exp(s) · I Tᵀ` to its
 * diagonal. Learning Transferable Visual Models From Natural Language Supervision, arXiv:2103.00020, section
 * 2.3 and figure 3.
 * @param images `uint8 [n, 3, S, S]`   @param captions one per image
 * @throws if the loss is not finite, or the signal aborts
 */
export async function pretrain(
  model: DualEncoder,
  images: Tensor,
  captions: readonly string[],
  given: PretrainOptions | EarlierPretrainOptions,
): Promise<void> {
  const options = withRenamed({ ...given }, earlierNames) as unknown as PretrainOptions;
  checkOptions(options, optionKeys, "pretrain");
  const { iterations, signal, onProgress, reportEvery = 20 } = options;
  model.requiresGrad_(true);
  const training = new Pretraining(model, images, captions, options);
  try {
    for (let iteration = 0; iteration < iterations; iteration++) {
      signal?.throwIfAborted();
      training.iterate(iteration);
      const done = iteration + 1;
      if (done % reportEvery === 0 || done === iterations) {
        const loss = training.takeLoss();
        if (!Number.isFinite(loss))
          throw new Error(`The pre-training loss is ${loss} at iteration ${done}. Lower the learning rate.`);
        onProgress?.(done, loss);
      }
      await setImmediate();
    }
  } finally {
    training.dispose();
    model.requiresGrad_(false);
  }
}

/**
 * The state that goes from one iteration to the next: optimisers, the order of the pairs, and the sum of
 * losses.
 */
class Pretraining {
  readonly #parameters: readonly Tensor[];
  readonly #optimizers: readonly torch.optim.AdamW[];
  readonly #schedule: (iteration: number) => number;
  readonly #generator: torch.Generator;
  readonly #ids: Tensor;
  readonly #lossSum: Tensor;
  #losses = 0;
  #order: Tensor | undefined;

  constructor(
    readonly model: DualEncoder,
    readonly images: Tensor,
    captions: readonly string[],
    readonly options: PretrainOptions,
  ) {
    const { iterations, learningRate, warmup, weightDecay, betas, seed } = options;
    this.#parameters = model.parameters();
    this.#schedule = torch.optim.cosineSchedule({ learningRate, total: iterations, warmup });
    this.#optimizers = [true, false].map((decayed) => {
      const group = parametersDecayed(model, decayed);
      return new torch.optim.AdamW(group, { betas, weightDecay: decayed ? weightDecay : 0, eps: 1e-6 });
    });
    this.#generator = torch.generator(seed);
    this.#lossSum = torch.unscoped(() => torch.zeros([]));
    this.#ids = torch.unscoped(() => model.tokenizer.encode(captions, { truncate: true })); // as open_clip trains
  }

  iterate(iteration: number): void {
    const { model, options } = this;
    torch.scope(() => {
      const batch = this.#batch(iteration);
      const loss = contrast(model, this.images.indexSelect(0, batch), this.#ids.indexSelect(0, batch));
      loss.backward();
      this.#lossSum.add_(loss.detach());
      this.#losses++;
      clipGradients(this.#parameters, options.maxGradientNorm);
      for (const optimizer of this.#optimizers) {
        optimizer.learningRate = this.#schedule(iteration);
        optimizer.step();
        optimizer.zeroGrad();
      }
      torch.noGrad(() => model.logitScale.clampMax_(Math.log(options.maxLogitScale)));
    });
  }

  /** Positions of an iteration's pairs. Every epoch has an order of its own. */
  #batch(iteration: number): Tensor {
    const { batchSize } = this.options;
    const count = this.images.size(0);
    const perEpoch = Math.floor(count / batchSize);
    if (iteration % perEpoch === 0) {
      this.#order?.dispose();
      this.#order = torch.unscoped(() => torch.randperm(count, { generator: this.#generator }));
    }
    return (this.#order as Tensor).narrow(0, (iteration % perEpoch) * batchSize, batchSize);
  }

  /** The mean loss since the last call. */
  takeLoss(): number {
    const loss = this.#lossSum.item() / this.#losses;
    this.#lossSum.zero_().dispose();
    this.#losses = 0;
    return loss;
  }

  dispose(): void {
    for (const tensor of [this.#order, this.#lossSum, this.#ids]) tensor?.dispose();
    for (const optimizer of this.#optimizers) optimizer.dispose();
  }
}

function parametersDecayed(model: DualEncoder, decayed: boolean): Tensor[] {
  return Array.from(model.namedParameters()).flatMap(([name, parameter]) =>
    isDecayed(name, parameter) === decayed ? [parameter] : [],
  );
}

/** Weight matrices are decayed; tables of vectors, which are looked up and not multiplied, are none. */
function isDecayed(name: string, parameter: Tensor): boolean {
  return parameter.dim() > 1 && !/(token|position)_embedding\.weight$/.test(name);
}

function contrast(model: DualEncoder, images: Tensor, ids: Tensor): Tensor {
  const pixels = model.preprocessing.normalise(images);
  const logits = model.logits(model.encodeImage(pixels), encodeByLength(model, ids)); // [B, B]
  const diagonal = torch.arange(images.size(0));
  const { crossEntropy } = torch.nn.functional;
  return crossEntropy(logits, diagonal).add(crossEntropy(logits.t(), diagonal)).div(2);
}

/** Parts of a batch of captions that are encoded apart, so that short ones do not wait for the longest. */
const lengthGroups = 3;

/**
 * Text features of captions, grouped by length. A text is encoded up to the last end of its group, unless the
 * model reads what follows too.
 */
function encodeByLength(model: DualEncoder, ids: Tensor): Tensor {
  if (model.tokenizer.readsPadding) return model.encodeText(ids);
  const order = ids.argmax(1).argsort(); // the end marker has the highest id
  const parts = ids.indexSelect(0, order).chunk(lengthGroups);
  return torch.cat(parts.map((part) => model.encodeText(part))).indexSelect(0, order.argsort());
}

/** Scales all gradients down to a total L2 norm of at most `maxNorm`, without reading the norm back. */
function clipGradients(parameters: readonly Tensor[], maxNorm: number): void {
  const gradients = parameters.flatMap((parameter) => parameter.grad ?? []);
  const norm = torch.linalgVectorNorm(torch.stack(torch.foreachNorm(gradients)));
  const scale = norm.add(1e-6).reciprocal().mul(maxNorm).clampMax(1);
  for (const gradient of gradients) gradient.mul_(scale);
}

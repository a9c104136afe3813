import { setImmediate } from "node:timers/promises";
import { checkOptions, type OptionKeys } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { DualEncoder } from "./dual-encoder.js";

export interface PretrainOptions {
  readonly steps: number;
  readonly batchSize: number;
  /** Highest learning rate of AdamW: after a linear warm-up it decays to 0 along a cosine. */
  readonly learningRate: number;
  readonly warmupSteps: number;
  /** On weight matrices; biases, layer norms, embeddings and the logit scale have none. */
  readonly weightDecay: number;
  readonly betas: readonly [number, number];
  /** Upper bound of exp(logit scale); CLIP uses 100. */
  readonly maxLogitScale: number;
  /** Gradients are scaled down to this norm. */
  readonly maxGradientNorm: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Called every `reportEvery` steps with the mean loss since the last report. */
  readonly onProgress?: (step: number, loss: number) => void;
  readonly reportEvery?: number;
}

const optionKeys: OptionKeys<PretrainOptions> = {
  steps: true,
  batchSize: true,
  learningRate: true,
  warmupSteps: true,
  weightDecay: true,
  betas: true,
  maxLogitScale: true,
  maxGradientNorm: true,
  seed: true,
  signal: true,
  onProgress: true,
  reportEvery: true,
};

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
  options: PretrainOptions,
): Promise<void> {
  checkOptions(options, optionKeys, "pretrain");
  const { steps, batchSize, learningRate, warmupSteps, weightDecay, betas, maxLogitScale, seed } = options;
  const { signal, onProgress, reportEvery = 20 } = options;
  model.requiresGrad_(true);
  const parameters = model.parameters();
  const optimizers = [true, false].map((decayed) => {
    const group = parametersDecayed(model, decayed);
    return new torch.optim.AdamW(group, { betas, weightDecay: decayed ? weightDecay : 0, eps: 1e-6 });
  });
  const schedule = torch.optim.cosineSchedule({ learningRate, total: steps, warmup: warmupSteps });
  const generator = torch.generator(seed);
  const highestScale = Math.log(maxLogitScale);
  const state = torch.unscoped(() => ({
    sum: torch.zeros([]),
    ids: model.tokenizer.encode(captions, { truncate: true }), // as open_clip trains
  }));
  const perEpoch = Math.floor(images.size(0) / batchSize);
  let order: Tensor | undefined;
  try {
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted();
      if (step % perEpoch === 0) {
        order?.dispose();
        order = torch.unscoped(() => torch.randperm(images.size(0), { generator }));
      }
      const shuffled = order as Tensor;
      torch.scope(() => {
        const batch = shuffled.narrow(0, (step % perEpoch) * batchSize, batchSize);
        const loss = contrast(model, images.indexSelect(0, batch), state.ids.indexSelect(0, batch));
        loss.backward();
        state.sum.add_(loss.detach());
        clipGradients(parameters, options.maxGradientNorm);
        for (const optimizer of optimizers) {
          optimizer.learningRate = schedule(step);
          optimizer.step();
          optimizer.zeroGrad();
        }
        torch.noGrad(() => model.logitScale.clampMax_(highestScale));
      });
      if ((step + 1) % reportEvery === 0 || step + 1 === steps) {
        const loss = state.sum.item() / ((step % reportEvery) + 1);
        if (!Number.isFinite(loss))
          throw new Error(`The pre-training loss is ${loss} at step ${step + 1}. Lower the learning rate.`);
        state.sum.zero_().dispose();
        onProgress?.(step + 1, loss);
      }
      await setImmediate();
    }
  } finally {
    order?.dispose();
    state.sum.dispose();
    state.ids.dispose();
    for (const optimizer of optimizers) optimizer.dispose();
    model.requiresGrad_(false);
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
 * Text features of captions, those of like length together: a text is encoded up to the last end of its part,
 * unless what follows is read too.
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

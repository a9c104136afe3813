import { classPrompts, type DualEncoder, encodePrompts } from "../../clip/index.js";
import { permutation, Random, type Task } from "../../data/index.js";
import type { Generator, Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { liveState } from "./live-state.js";
import type { StageState } from "./stage.js";
import type { StatisticsReplay } from "./statistics-replay.js";
import { type IterationTexts, taskSeed } from "./training.js";
import type { LabelGroup, RunContext } from "./types.js";
import { encodeUnitTexts } from "./unit-features.js";
import { WordImages } from "./word-images.js";

const chunk = 256; // prompts per pass without gradients

/** Earlier classes and generic prompts of an iteration. */
interface Draw {
  /** Positions among the earlier classes. */
  readonly earlier: readonly number[];
  /** Earlier classes that pseudo-features are drawn of, as positions in `earlier`, `[M]`. */
  readonly pseudo: readonly number[];
  /** Positions among the generic prompts. */
  readonly words: readonly number[];
}

/**
 * The texts of a task's iterations. All prompts are tokenised once. An iteration encodes those of the task's
 * classes, of the earlier classes that it draws, and of some generic words, in one pass.
 */
export class TaskReplay implements Disposable {
  readonly #replay: StatisticsReplay;
  readonly #model: DualEncoder;
  readonly #seed: number;
  readonly #classes: number;
  readonly #groupOf: readonly number[]; // of each earlier class
  readonly #freeWords: readonly number[];
  readonly #ids: Tensor; // int64 [prompts, L]: of the task's classes, of earlier classes, of generic words
  readonly #lengths: readonly number[];
  readonly #sharedPrefix: number;
  readonly #scale: Tensor;
  readonly #noise: Generator;
  #wordImages: { readonly images: WordImages; readonly weight: number } | undefined;

  /** @internal Use `StatisticsReplay.prepare`. */
  constructor(replay: StatisticsReplay, task: Task, context: RunContext) {
    const { model } = context;
    const { groups } = replay.statistics;
    this.#replay = replay;
    this.#model = model;
    this.#seed = taskSeed(context);
    this.#classes = task.classes.length;
    this.#groupOf = groups.flatMap(({ classes }, g) => classes.map(() => g));
    // The words that came with the model were drawn without knowing this stream.
    const named = [...groups, task].flatMap(({ classes }) => classes);
    this.#freeWords = replay.anchors.positionsWithout([...named, ...context.classNames]);
    const prompts = [...[task, ...groups].flatMap(firstPrompts), ...replay.anchors.prompts];
    const made = torch.noGrad(() =>
      torch.scope(() => {
        const { ids, sharedPrefix } = encodePrompts(model.tokenizer, prompts);
        const lengths = model.tokenizer.lengths(ids);
        const onDevice = ids.to({ device: model.device }).keep();
        return { ids: onDevice, lengths, sharedPrefix, scale: model.logitScale.exp().keep() };
      }),
    );
    this.#ids = made.ids;
    this.#lengths = made.lengths;
    this.#sharedPrefix = made.sharedPrefix;
    this.#scale = made.scale;
    this.#noise = torch.generator(this.#seed, model.device);
  }

  /**
   * Has generic words count as images from now on, which neither the task's classes nor earlier ones should
   * claim.
   * @param features those of the task's images, unit vectors `[crops, n, D]`   @param labels `int64 [n]`
   * @param weight ω of their cross entropy
   */
  addWordImages(features: Tensor, labels: Tensor, weight: number): void {
    using texts = torch.noGrad(() =>
      torch.scope(() => this.#encodeInParts(Array.from({ length: this.#classes }, (_, i) => i))),
    );
    this.#wordImages = { images: new WordImages(features, labels, texts), weight };
  }

  /**
   * Texts of an iteration with what they add to its loss. Ask for iterations in order: noise is drawn anew
   * each time.
   */
  at(iteration: number): IterationTexts {
    const { statistics, anchors, isJoint, options } = this.#replay;
    const drawn = this.#draw(iteration);
    const sizes = [this.#classes, drawn.earlier.length, drawn.words.length];
    const features = this.#encode([
      ...Array.from({ length: this.#classes }, (_, i) => i),
      ...drawn.earlier.map((i) => this.#classes + i),
      ...drawn.words.map((i) => this.#classes + statistics.classes + i),
    ]);
    const [classes, earlier, words] = features.split(sizes, 0) as [Tensor, Tensor, Tensor];
    const terms = [
      ...(drawn.pseudo.length > 0
        ? [this.#pseudoLoss(drawn, classes, earlier).mul(options.replayWeight)]
        : []),
      ...(drawn.words.length > 0
        ? [anchorLoss(words, this.#pick(anchors.features as Tensor, drawn.words)).mul(options.wordWeight)]
        : []),
      ...(this.#wordImages !== undefined && drawn.words.length > 0
        ? [
            this.#wordImageLoss(this.#wordImages.images, iteration, drawn.words, [
              classes,
              earlier,
              words,
            ]).mul(this.#wordImages.weight),
          ]
        : []),
    ];
    return {
      classes,
      earlier: isJoint && drawn.earlier.length > 0 ? earlier : undefined,
      penalty: terms.length > 0 ? terms.reduce((sum, term) => sum.add(term)) : undefined,
    };
  }

  /**
   * The classes of the task, and all earlier ones that compete with them, as the text encoder has them now.
   */
  all(): IterationTexts & Disposable {
    const { statistics, isJoint } = this.#replay;
    const count = this.#classes + (isJoint ? statistics.classes : 0);
    const features = torch.noGrad(() =>
      torch.scope(() => this.#encodeInParts(Array.from({ length: count }, (_, i) => i))),
    );
    const [classes, earlier] = torch.unscoped(() => [
      features.narrow(0, 0, this.#classes),
      count > this.#classes ? features.narrow(0, this.#classes, count - this.#classes) : undefined,
    ]) as [Tensor, Tensor | undefined];
    const dispose = (): void => {
      for (const tensor of [features, classes, earlier]) tensor?.dispose();
    };
    return { classes, earlier, [Symbol.dispose]: dispose };
  }

  /** The generator of noise, which is drawn anew in each iteration. */
  get state(): StageState {
    return liveState({ generators: [this.#noise] });
  }

  dispose(): void {
    this.#wordImages?.images[Symbol.dispose]();
    this.#ids.dispose();
    this.#scale.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #draw(iteration: number): Draw {
    const { statistics, options } = this.#replay;
    const random = new Random(JSON.stringify(["replay", this.#seed, iteration]));
    const earlier = this.#drawEarlier(random);
    const withMean = earlier.flatMap((index, i) => (statistics.hasMean(index) ? [i] : []));
    const isReplayed = options.replayWeight > 0 && withMean.length > 0;
    const free = this.#freeWords;
    const words =
      options.wordWeight > 0
        ? Array.from({ length: Math.min(options.wordBatch, free.length) }, () => random.choice(free))
        : [];
    return {
      earlier,
      pseudo: isReplayed ? Array.from({ length: options.pseudoFeatures }, () => random.choice(withMean)) : [],
      words,
    };
  }

  /** Classes one by one where all compete; whole datasets where only those of a dataset do. */
  #drawEarlier(random: Random): number[] {
    const count = this.#groupOf.length;
    const limit = this.#replay.options.replayClasses ?? count;
    if (limit >= count) return Array.from({ length: count }, (_, i) => i);
    if (this.#replay.isJoint) return permutation(count, random).slice(0, limit);
    const chosen: number[] = [];
    for (const group of permutation(this.#replay.statistics.groups.length, random)) {
      if (chosen.length >= limit) break;
      for (const [i, g] of this.#groupOf.entries()) if (g === group) chosen.push(i);
    }
    return chosen;
  }

  #encodeInParts(rows: readonly number[]): Tensor {
    const parts = Array.from({ length: Math.ceil(rows.length / chunk) }, (_, part) =>
      torch.scope(() => this.#encode(rows.slice(part * chunk, (part + 1) * chunk))),
    );
    return torch.cat(parts).keep();
  }

  /** @returns unit features `[rows, D]` */
  #encode(rows: readonly number[]): Tensor {
    const length = Math.max(...rows.map((row) => this.#lengths[row] as number));
    const ids = this.#pick(this.#ids, rows).narrow(1, 0, length);
    return encodeUnitTexts(this.#model, { ids, sharedPrefix: this.#sharedPrefix });
  }

  #pseudoLoss(drawn: Draw, classes: Tensor, earlier: Tensor): Tensor {
    const { statistics, isJoint } = this.#replay;
    const { device } = this.#model;
    const rows = torch.tensor([...drawn.pseudo], { dtype: "int64", device });
    const pseudo = statistics.draw(
      torch.tensor(
        drawn.pseudo.map((i) => drawn.earlier[i] as number),
        { dtype: "int64", device },
      ),
      this.#noise,
    );
    if (isJoint) {
      return pseudoFeatureLoss(pseudo, torch.cat([classes, earlier]), rows.add(this.#classes), this.#scale);
    }
    const groups = torch.tensor(
      drawn.earlier.map((i) => this.#groupOf[i] as number),
      { dtype: "int64", device },
    );
    return pseudoFeatureLoss(pseudo, earlier, rows, this.#scale, groups);
  }

  /**
   * Cross entropy of words as images at their own words, among all classes of the iteration and these words.
   */
  #wordImageLoss(
    images: WordImages,
    iteration: number,
    drawn: readonly number[],
    [classes, earlier, words]: readonly [Tensor, Tensor, Tensor],
  ): Tensor {
    const { anchors } = this.#replay;
    const each = [...new Set(drawn)];
    const pretrained = this.#pick(anchors.features as Tensor, each);
    const own = this.#pick(
      words,
      each.map((word) => drawn.indexOf(word)),
    );
    const pseudo = images.draw(pretrained, JSON.stringify(["word images", this.#seed, iteration]));
    const start = classes.size(0) + earlier.size(0);
    const targets = torch.arange(start, start + each.length, 1, { device: this.#model.device });
    return pseudoFeatureLoss(pseudo, torch.cat([classes, earlier, own]), targets, this.#scale);
  }

  #pick(table: Tensor, rows: readonly number[]): Tensor {
    return table.indexSelect(0, torch.tensor([...rows], { dtype: "int64", device: this.#model.device }));
  }
}

/**
 * `mean_m CE(s ṽ_m · u)` at the class that ṽ_m was drawn of.
 * @param pseudo unit features ṽ `[M, D]`   @param candidates unit text features u `[C, D]`
 * @param targets `int64 [M]`, in 0..C−1   @param scale s, a scalar
 * @param groups `int64 [C]`: only candidates of the target's group compete. Default: all do
 */
export function pseudoFeatureLoss(
  pseudo: Tensor,
  candidates: Tensor,
  targets: Tensor,
  scale: Tensor,
  groups?: Tensor,
): Tensor {
  const logits = pseudo.mul(scale).mm(candidates.t());
  if (groups === undefined) return torch.nn.functional.crossEntropy(logits, targets);
  const isOther = groups.indexSelect(0, targets).unsqueeze(1).ne(groups); // [M, C]
  return torch.nn.functional.crossEntropy(logits.maskedFill(isOther, Number.NEGATIVE_INFINITY), targets);
}

/** `mean_j ‖u_j − u⁰_j‖²`, both `[J, D]`. */
export function anchorLoss(features: Tensor, pretrained: Tensor): Tensor {
  return features.sub(pretrained).square().sum([1]).mean();
}

function firstPrompts({ classes, templates }: LabelGroup): string[] {
  return classPrompts(classes, templates[0]);
}

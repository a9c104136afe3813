import { copyModel, type DualEncoder, loadStateDict, weightsFingerprint } from "../clip/index.js";
import {
  type Classifier,
  type ContinualMethod,
  createMethod,
  type LabelGroup,
  type MethodHead,
  standaloneContext,
} from "../methods/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { findHead, type HeadDescription, readHead } from "./head-file.js";

/** Candidate classes of a served model, and how images are scored among them. */
export interface ServedClassifier {
  /** Classes in the order of the scores. */
  readonly labels: readonly string[];
  /** The scores of the run's own evaluation: normalised pixels `[B, 3, S, S]` to `[B, labels]`. */
  readonly scores: Classifier;
  /** The same as numbers near probabilities: those of logits, and mixed scores as they are. */
  readonly probabilities: Classifier;
}

/** A model that classifies as the run did which it was exported from. */
export class ServedHead implements Disposable {
  constructor(
    readonly description: HeadDescription,
    readonly model: DualEncoder,
    readonly method: ContinualMethod,
  ) {}

  /** The datasets of the run, with their classes and templates. */
  get datasets(): readonly LabelGroup[] {
    return this.description.datasets;
  }

  /** Whether `probabilities` are mixed scores, which need not be probabilities. */
  get hasMixedScores(): boolean {
    return this.method.head?.scores !== "logits";
  }

  /**
   * A classifier among the classes of all datasets, as X-TAIL has them, or of one dataset, as MTIL does. A
   * head that `takesAnyLabel` also has one among other classes. Call it inside a scope that outlives its use.
   * @throws if there is no such dataset, or the head knows no other classes
   */
  classifier(candidates?: string | Omit<LabelGroup, "name">): ServedClassifier {
    const { protocol } = this.description;
    const groups = this.#groups(candidates);
    const scores = this.method.classifier({ groups }, standaloneContext(this.model, protocol));
    return {
      labels: groups.flatMap(({ classes }) => classes),
      scores,
      probabilities: this.hasMixedScores
        ? scores
        : (pixels, of) =>
            torch.scope(() => torch.inferenceMode(() => this.model.probabilities(scores(pixels, of)))),
    };
  }

  /** Releases what the head holds. The model is the caller's. */
  dispose(): void {
    this.method.dispose?.();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #groups(candidates?: string | Omit<LabelGroup, "name">): readonly LabelGroup[] {
    const { datasets, takesAnyLabel, method } = this.description;
    if (candidates === undefined) return datasets;
    if (typeof candidates !== "string") {
      if (takesAnyLabel) return [{ name: "", ...candidates }];
      throw new Error(
        `The head of ${method} knows the classes of its run alone: expected one of its datasets, got other classes.`,
      );
    }
    const groups = datasets.filter(({ name }) => name === candidates);
    if (groups.length > 0) return groups;
    const names = datasets.map(({ name }) => name).join(", ");
    throw new Error(`There is no dataset '${candidates}' in the head: expected one of ${names}.`);
  }
}

/**
 * The head that a model was exported with, ready to classify.
 * @param model in whatever precision and on whatever device it shall work
 * @param path its directory or file   @returns `undefined` where no head lies beside it
 * @throws if the head is damaged, of another version, or belongs to another model
 */
export function openHead(model: DualEncoder, path: string): ServedHead | undefined {
  const file = findHead(path);
  if (file === undefined) return undefined;
  return torch.scope(() => {
    const { tensors, pretrained, ...description } = readHead(file);
    if (weightsFingerprint(model) !== description.weightsFingerprint) {
      throw new Error(
        `${file}: expected the model that it was exported with, got other weights in ${path}. Export both again, or remove the file for the weights alone.`,
      );
    }
    const method = createMethod(description.method, description.options, description.protocol);
    const here = new Map(
      Array.from(tensors, ([name, tensor]) => [name, tensor.to({ device: model.device })] as const),
    );
    const isSame = pretrained.size === 0;
    const before = isSame ? model : withWeights(model, pretrained, file);
    try {
      headOf(method).open(
        { model, pretrained: before, seed: description.seed },
        { tensors: here, data: description.data },
      );
      return new ServedHead(description, model, method);
    } catch (error) {
      method.dispose?.();
      throw error;
    } finally {
      if (!isSame) before.dispose();
    }
  });
}

function headOf({ name, head }: ContinualMethod): MethodHead {
  if (head !== undefined) return head;
  throw new Error(`${name}: expected a method that has a head, got one that classifies by CLIP's weights.`);
}

/** A copy of a model that has other weights in some places. */
function withWeights(model: DualEncoder, weights: ReadonlyMap<string, Tensor>, source: string): DualEncoder {
  const copy = copyModel(model);
  loadStateDict(copy, new Map([...model.stateDict(), ...weights]), source);
  return copy;
}

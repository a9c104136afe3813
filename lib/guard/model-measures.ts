import type { DualEncoder } from "../clip/index.js";
import { type RetrievalRecall, retrievalRecall } from "../embeddings/index.js";
import type { ProtocolName } from "../methods/index.js";
import { evaluateZeroShot, type TestSet } from "../protocol/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import type { CaptionedImages } from "./pairs.js";
import { imageVectors, textVectors } from "./vectors.js";

/** Data that models are compared on; what is left out is not measured. */
export interface ComparisonData {
  /**
   * Test images as a model's preprocessing makes them: of datasets that were learned, and of hold-outs that
   * were not.
   */
  readonly testSets?: (
    model: DualEncoder,
  ) => Promise<{ readonly datasets: readonly TestSet[]; readonly holdOuts: readonly TestSet[] }>;
  readonly retrieval?: CaptionedImages;
  /** An index of images, and the texts that search it. */
  readonly index?: { readonly images: readonly string[]; readonly queries: readonly string[] };
}

export interface MeasureOptions {
  /** `x-tail` has the classes of all datasets compete, `mtil` those of each dataset. Default: `x-tail`. */
  readonly protocol?: ProtocolName;
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
  /** Called when something begins, such as `retrieval of the new model`. */
  readonly onStep?: (what: string) => void;
}

/** Accuracy by class names, as fractions. */
export interface Accuracies {
  readonly datasets: readonly (readonly [name: string, accuracy: number])[];
  readonly holdOuts: readonly (readonly [name: string, accuracy: number])[];
}

/** Unit vectors `[n, D]`. */
export interface IndexVectors {
  readonly images: Tensor;
  readonly queries: Tensor;
}

/** Measures of one model. Each part is measured when it is first asked for, and kept. */
export class ModelMeasures implements Disposable {
  #accuracies: Promise<Accuracies> | undefined;
  #recall: Promise<RetrievalRecall> | undefined;
  #vectors: Promise<IndexVectors> | undefined;
  #kept: IndexVectors | undefined;

  /** @param name for `onStep`, such as `the new model` */
  constructor(
    readonly model: DualEncoder,
    readonly data: ComparisonData,
    readonly name: string,
    readonly options: MeasureOptions = {},
  ) {}

  /** `undefined` where there are no datasets. */
  accuracies(): Promise<Accuracies | undefined> {
    const { testSets } = this.data;
    if (testSets !== undefined) this.#accuracies ??= this.#measureAccuracies(testSets);
    return Promise.resolve(this.#accuracies);
  }

  /** `undefined` where there are no pairs. */
  recall(): Promise<RetrievalRecall | undefined> {
    const { retrieval } = this.data;
    if (retrieval !== undefined) this.#recall ??= this.#measureRecall(retrieval);
    return Promise.resolve(this.#recall);
  }

  /** `undefined` where there is no index. They are released with this. */
  vectors(): Promise<IndexVectors | undefined> {
    const { index } = this.data;
    if (index !== undefined) this.#vectors ??= torch.unscoped(() => this.#embedIndex(index));
    return Promise.resolve(this.#vectors);
  }

  dispose(): void {
    this.#kept?.images.dispose();
    this.#kept?.queries.dispose();
    this.#kept = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #measureAccuracies(testSets: NonNullable<ComparisonData["testSets"]>): Promise<Accuracies> {
    const { protocol = "x-tail", batchSize, signal } = this.options;
    const { datasets, holdOuts } = await testSets(this.model);
    this.#begin("accuracy");
    const found = await evaluateZeroShot(this.model, [...datasets, ...holdOuts], { batchSize, signal });
    const named = (sets: readonly TestSet[], from: number) =>
      sets.map(({ name }, i) => [name, found[protocol][from + i] as number] as const);
    return { datasets: named(datasets, 0), holdOuts: named(holdOuts, datasets.length) };
  }

  async #measureRecall({ images, texts, imageOfText }: CaptionedImages): Promise<RetrievalRecall> {
    this.#begin("retrieval");
    const { batchSize, signal } = this.options;
    using pictures = await imageVectors(this.model, images, { batchSize, signal });
    using captions = await textVectors(this.model, texts, { batchSize, signal });
    return retrievalRecall(pictures, captions, imageOfText);
  }

  async #embedIndex({ images, queries }: NonNullable<ComparisonData["index"]>): Promise<IndexVectors> {
    this.#begin("index");
    const { batchSize, signal } = this.options;
    const vectors = await imageVectors(this.model, images, { batchSize, signal });
    this.#kept = { images: vectors, queries: await textVectors(this.model, queries, { batchSize, signal }) };
    return this.#kept;
  }

  #begin(what: string): void {
    this.options.onStep?.(`${what} of ${this.name}`);
  }
}

import type { DualEncoder } from "../../clip/index.js";
import { type Classifier, type LabelSpace, standaloneContext } from "../../methods/index.js";
import type { RunDirectory } from "../../protocol/index.js";
import * as torch from "../../torch/index.js";
import { methodOf, stateAfter } from "../run-head.js";

/** A run's way of telling classes apart, for a model whose weights may change meanwhile. */
export interface RunClassifier extends Disposable {
  readonly classifier: (labels: LabelSpace) => Classifier;
}

/**
 * The classifier of a run after some of its tasks, where it reads names by more than the model's own text
 * encoder. With `unlearnedTexts: first`, the first one reads those that these tasks did not teach.
 * @param model as the run started, or as its tasks left it
 * @returns `undefined` where the model's own text encoder reads all names
 * @throws if the checkpoint that keeps the first text encoder is gone
 */
export function runClassifier(
  directory: RunDirectory,
  tasks: number,
  model: DualEncoder,
): RunClassifier | undefined {
  const method = methodOf(directory);
  const { head } = method ?? {};
  if (method === undefined || head?.takesAnyLabel !== true) {
    method?.dispose?.();
    return undefined;
  }
  const { protocol, seed } = directory.readRecord();
  torch.scope(() => {
    const state = stateAfter(tasks - 1, directory, method);
    if (state === undefined) {
      throw new Error(
        `${directory.path}: expected the checkpoint of its last task, which keeps the first text encoder, got none. ` +
          "Restore it, or run again.",
      );
    }
    head.open({ model, pretrained: model, seed }, head.take(state));
  });
  return {
    classifier: (labels) => method.classifier(labels, standaloneContext(model, protocol)),
    [Symbol.dispose]: () => method.dispose?.(),
  };
}

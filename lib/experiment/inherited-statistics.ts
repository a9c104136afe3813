import type { DualEncoder } from "../clip/index.js";
import type { MethodState } from "../methods/index.js";
import { findHead, readHead, readStatistics } from "../protocol/index.js";
import { scope } from "../torch/index.js";
import { resolveModel } from "./models.js";
import type { ExperimentOptions } from "./run.js";

/**
 * The statistics beside the model that a run starts from. Damage is told alone where its method has no use
 * for them.
 * @throws if the first text encoder is asked for, and only a head beside the model has it
 */
export function inheritedStatistics(
  { model: { model: name }, method }: Pick<ExperimentOptions, "model" | "method">,
  model: DualEncoder,
  say: (line: string) => void,
): MethodState | undefined {
  const path = resolveModel(name);
  const inherited = readIfUseful();
  const head = findHead(path);
  if (head === undefined) return inherited;
  if (inherited === undefined && method.head?.takesAnyLabel && scope(() => readHead(head).takesAnyLabel)) {
    throw new Error(
      `${name}: expected statistics beside the model, which have the text encoder of the first model, got only a head. ` +
        "Export the last task of its run, or leave `unlearnedTexts: first` out.",
    );
  }
  say(`${name} has a head beside its weights: the run starts from the weights alone.`);
  return inherited;

  function readIfUseful(): MethodState | undefined {
    try {
      return readStatistics(model, path);
    } catch (error) {
      if (method.replaysStatistics) throw error;
      say(`${(error as Error).message} ${method.name} does not need them.`);
      return undefined;
    }
  }
}

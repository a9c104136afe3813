import { codyra } from "./codyra.js";
import { finetune } from "./finetune.js";
import { lora } from "./lora.js";
import type { MethodDefinition } from "./options.js";
import type { ContinualMethod, ProtocolName } from "./types.js";
import { zeroShot } from "./zero-shot.js";

/** Every method, in the order of tables. A new method is one file and one line here. */
export const methods: readonly MethodDefinition[] = [zeroShot, finetune, lora, codyra];

/** @throws if there is no method of that name, or its options do not fit */
export function createMethod(
  name: string,
  options: Readonly<Record<string, unknown>>,
  protocol: ProtocolName,
): ContinualMethod {
  const definition = methods.find((candidate) => candidate.name === name);
  if (definition === undefined) {
    throw new Error(
      `Unknown method '${name}': expected one of ${methods.map((method) => method.name).join(", ")}.`,
    );
  }
  return definition.create(options, protocol);
}

export { type ContrastiveLossOptions, contrastiveLoss } from "./losses.js";
export type { MethodDefinition, TrainingOptions } from "./options.js";
export type {
  Classifier,
  ContinualMethod,
  LabelGroup,
  LabelSpace,
  MethodState,
  ProtocolName,
  RunContext,
  RunEvent,
  TrainSummary,
} from "./types.js";
export { zeroShotClassifier } from "./zero-shot-classifier.js";

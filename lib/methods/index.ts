import { codyra } from "./codyra.js";
import { codyraRouted } from "./codyra-routed.js";
import { dac } from "./dac.js";
import { finetune } from "./finetune.js";
import { icarl } from "./icarl.js";
import { keepLora } from "./keeplora.js";
import { lora } from "./lora.js";
import { lwf } from "./lwf.js";
import { lwfVr } from "./lwf-vr.js";
import { moeAdapter } from "./moe-adapter.js";
import { codyraRailDual, railDual } from "./rail-dual.js";
import { codyraRailPrimal, railPrimal } from "./rail-primal.js";
import type { MethodDefinition } from "./shared/options.js";
import type { ContinualMethod, ProtocolName } from "./shared/types.js";
import { statra } from "./statra.js";
import { wiseFt } from "./wise-ft.js";
import { zeroShot } from "./zero-shot.js";
import { zscl } from "./zscl.js";

/** Every method, in the order of tables. A new method is one file and one line here. */
export const methods: readonly MethodDefinition[] = [
  zeroShot,
  finetune,
  lwf,
  lwfVr,
  icarl,
  wiseFt,
  zscl,
  moeAdapter,
  railPrimal,
  railDual,
  lora,
  codyra,
  codyraRouted,
  codyraRailPrimal,
  codyraRailDual,
  keepLora,
  dac,
  statra,
];

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

export {
  bytesPerValue,
  type Cost,
  type CostSetting,
  type MethodCost,
  methodCosts,
} from "./cost.js";
export { type ContrastiveLoss, type ContrastiveLossOptions, contrastiveLoss } from "./shared/losses.js";
export type { MethodDefinition, TrainingOptions } from "./shared/options.js";
export { standaloneContext } from "./shared/standalone-context.js";
export type {
  Classifier,
  ContinualMethod,
  LabelGroup,
  LabelSpace,
  MethodState,
  ProtocolName,
  ReferenceData,
  RunContext,
  RunEvent,
  TrainSummary,
} from "./shared/types.js";
export { zeroShotClassifier } from "./shared/zero-shot-classifier.js";

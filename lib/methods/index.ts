import type { DualEncoder } from "../clip/index.js";
import type { Given, Hint } from "../options/index.js";
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
import type { Cost, CostSetting } from "./shared/cost.js";
import type { MethodDefinition } from "./shared/definition.js";
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

/** @throws UnknownMethod if there is none of that name */
export function findMethod(name: string): MethodDefinition {
  const definition = methods.find((candidate) => candidate.name === name);
  if (definition !== undefined) return definition;
  throw new UnknownMethod(
    `Unknown method '${name}': expected one of ${methods.map((method) => method.name).join(", ")}.`,
  );
}

export class UnknownMethod extends Error {
  override readonly name = "UnknownMethod";
}

/**
 * @param hint advice for options that no method has
 * @throws if there is no method of that name, or its options do not fit
 */
export function createMethod(
  name: string,
  options: Given,
  protocol: ProtocolName,
  hint?: Hint,
): ContinualMethod {
  return findMethod(name).create(options, protocol, methodHint(name, hint));
}

/** Says which methods have an option that the named one lacks. @param hint for options that no method has */
export function methodHint(name: string, hint?: Hint): Hint {
  return (key, path) => {
    const option = [...path, key].join(".");
    const owners = methods.filter(({ described }) => described.some((known) => known.name === option));
    if (owners.length === 0) return hint?.(key, path);
    const listed = owners.map((owner) => owner.name).join(", ");
    return `${JSON.stringify(option)} is an option of ${listed}, and ${name} does not have it.`;
  };
}

/**
 * Trainable and additional parameters of the methods with their default options. arXiv:2412.01004, table 4;
 * docs/specification.md, section 8.
 * @param model on any device; on `meta`, nothing is computed and no memory is needed
 */
export function methodCosts(model: DualEncoder, setting: CostSetting): MethodCost[] {
  return methods.map((method) => ({
    method: method.name,
    label: method.label,
    ...method.cost(model, setting),
  }));
}

export interface MethodCost extends Cost {
  readonly method: string;
  /** The method's name in tables and figures. */
  readonly label: string;
}

export { type OptionRow, optionRows } from "./option-rows.js";
export { checkModel } from "./shared/check-model.js";
export { bytesPerValue, type Cost, type CostSetting } from "./shared/cost.js";
export { defineMethod, type MethodDefinition, type MethodPlan } from "./shared/definition.js";
export { type ContrastiveLoss, type ContrastiveLossOptions, contrastiveLoss } from "./shared/losses.js";
export { withoutPrefix, withPrefix } from "./shared/named-tensors.js";
export type { TrainingOptions } from "./shared/options.js";
export type { Stage, StageState } from "./shared/stage.js";
export { unsavedStage } from "./shared/stage.js";
export { standaloneContext } from "./shared/standalone-context.js";
export type {
  Classifier,
  ContinualMethod,
  LabelGroup,
  LabelSpace,
  MethodHead,
  MethodState,
  ProtocolName,
  ReferenceData,
  RunContext,
  RunEvent,
  ServedSetting,
  TaskChange,
  TrainSummary,
} from "./shared/types.js";
export { type TextsOf, zeroShotClassifier } from "./shared/zero-shot-classifier.js";

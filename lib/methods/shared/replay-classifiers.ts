import { promptKey } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import { type FirstTexts, firstPrefix } from "./first-texts.js";
import type { StatisticsReplay } from "./statistics-replay.js";
import type { ContinualMethod, LabelGroup, MethodHead, MethodState } from "./types.js";
import { zeroShotClassifier, zeroShotFeatureClassifier } from "./zero-shot-classifier.js";

/** How a method classifies, and what of it an export needs beside the weights. */
export type ReplayClassifiers = Pick<
  ContinualMethod,
  "classifier" | "featureClassifier" | "stateAfter" | "head"
>;

/**
 * Classification by the class names alone, in which a name says whether the class was learned. Where the
 * replay keeps the first text encoder, that one reads the names that were not.
 */
export function replayClassifiers(replay: StatisticsReplay | undefined): ReplayClassifiers {
  const firstTexts = replay?.firstTexts;
  if (replay === undefined || firstTexts === undefined) {
    return { classifier: zeroShotClassifier, featureClassifier: zeroShotFeatureClassifier };
  }
  const textsOf = (group: LabelGroup): Tensor => firstTexts.features(group, learnedBy(replay));
  return {
    classifier: (labels, context) => zeroShotClassifier(labels, context, textsOf),
    featureClassifier: (labels, context) => zeroShotFeatureClassifier(labels, context, textsOf),
    stateAfter: namesAfter,
    head: headOf(replay, firstTexts),
  };
}

function learnedBy({ statistics: { groups } }: StatisticsReplay): Set<string> {
  return new Set(groups.flatMap(({ classes }) => classes.map(promptKey)));
}

/** Without the means of later classes, nothing is left to learn further tasks from. */
function namesAfter(tasks: number, { tensors, data }: MethodState): MethodState {
  const { inherited } = data.firstTexts as { readonly inherited: number };
  const groups = (data.groups as LabelGroup[]).slice(0, inherited + tasks);
  return namesOnly({ tensors, data: { ...data, groups } });
}

function headOf(replay: StatisticsReplay, firstTexts: FirstTexts): MethodHead {
  return {
    scores: "logits",
    readsPretrained: false,
    takesAnyLabel: true,
    take: namesOnly,
    open({ model }, taken) {
      firstTexts.begin(model);
      replay.loadState(taken);
    },
  };
}

/** The part of a state that classifying reads: the first text encoder, and the names of learned classes. */
function namesOnly({ tensors, data }: MethodState): MethodState {
  const first = Array.from(tensors).filter(([name]) => name.startsWith(firstPrefix));
  return { tensors: new Map(first), data: { ...data, images: [], words: [], wordTemplates: [] } };
}

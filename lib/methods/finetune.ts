/*
 * Sequential full fine-tuning, "Continual-FT" in arXiv:2303.06628; original code: Thunderbeee/ZSCL
 * (`mtil/scripts/finetune.sh`).
 *
 *     loss = CE_ε(s z uᵀ, y)
 *
 * over the task's own classes, with label smoothing ε; every weight but the logit scale s learns each task in
 * turn. What forgetting looks like when nothing is done about it.
 */

import { z } from "zod";
import { fineTuningCost } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { fullFineTuning, fullFineTuningShape, withWarmup } from "./shared/full-fine-tuning.js";
import { replayClassifiers } from "./shared/replay-classifiers.js";
import { ReplayedTask } from "./shared/replayed-task.js";
import { replayOption, StatisticsReplay } from "./shared/statistics-replay.js";
import { emptyState } from "./shared/types.js";

const schema = z.strictObject({ ...fullFineTuningShape, ...replayOption });

export const finetune = defineMethod({
  name: "finetune",
  label: "Fine-tuning",
  summary: "sequential full fine-tuning of all weights",
  schema,
  complete: withWarmup,
  create(options, protocol) {
    const replay = options.replay && new StatisticsReplay(options.replay, protocol);
    const method = fullFineTuning({
      name: "finetune",
      options,
      async terms(task, context) {
        if (replay === undefined) return {};
        const replayed = await ReplayedTask.begin(replay, task, context, options.cropScale);
        return {
          texts: replayed.texts,
          state: replayed.state,
          async keep() {
            await replayed.watch();
            replayed.keep();
          },
          dispose: () => replayed.dispose(),
        };
      },
    });
    const { featureClassifier: _pixels, ...classifiers } = replayClassifiers(replay);
    return {
      ...method,
      ...classifiers,
      replaysStatistics: replay !== undefined,
      beginRun: (context) => replay?.beginRun(context),
      state: () => replay?.state() ?? emptyState,
      loadState: (state) => replay?.loadState(state),
      dispose: () => replay?.dispose(),
    };
  },
  cost: (model) => fineTuningCost(model),
});

import type { Command } from "commander";
import type { ClipModel } from "../../clip/index.js";
import type { LoraModule, LowRankUpdates } from "../../lora/index.js";
import type { ProtocolName } from "../../methods/index.js";
import { defaultEvaluationBatchSize, UsageError } from "../../options/index.js";
import type { TestSet } from "../../protocol/index.js";
import type { RemovalAnalysis, Table } from "../../report/index.js";
import type { BaseModelFlags } from "../input/model-options.js";
import { baseModelFlags, modelAnalysis, type OutputFlags, writeAnalysis } from "../output/analyze-output.js";
import { Progress } from "../output/progress.js";

interface RemoveFlags extends OutputFlags, BaseModelFlags {
  run: string;
  task: string;
  modules?: string[];
}

/** `codyra analyze remove`: what the adapters of some modules are good for. */
export function analyzeRemoveCommand(): Command {
  return modelAnalysis("remove")
    .description(
      "Remove the adapters of some modules from a task, and measure adaptation and retention again.",
    )
    .option("--task <task>", "dataset, or its position from 0", "0")
    .option(
      "--modules <group...>",
      "what to remove, one after the other: vision.v, text, fc, or several at once, vision.fc+vision.proj (default: every module of each encoder)",
    )
    .addHelpText(
      "after",
      `
The model is that before the task, plus ΔW = B diag(w) A of the matrices that are left, in all layers; nothing is trained again
(arXiv:2412.01004, section 3.2).

Adaptation  accuracy on the dataset of the task, in the protocol of the run
Retention   mean accuracy on the datasets that were not learned by then: hold-outs, and later ones of the stream

The datasets are read again, from where the run read them. codyra figures looks for the result in analysis/remove.json of the run.

Example:
  $ codyra analyze remove --run runs/aircraft --to runs/aircraft/analysis/remove.json
  $ codyra analyze remove --run runs/aircraft --modules vision.fc+vision.proj vision.v`,
    )
    .action(analyzeRemove);
}

async function analyzeRemove({ run, task, modules, ...output }: RemoveFlags): Promise<void> {
  const { copyModel, loadStateDict } = await import("../../clip/index.js");
  const { applyUpdates } = await import("../../lora/index.js");
  const { readRun } = await import("../../report/index.js");
  const { scope } = await import("../../torch/index.js");
  const { openBaseModel, openFinishedRun, taskPosition, openTestSets } = await import(
    "../../experiment/index.js"
  );
  const { directory, finished } = openFinishedRun(run);
  const position = taskPosition(task, directory, finished);
  const record = directory.readRecord();
  const adapted = (readRun(run).ranks?.modules ?? []) as LoraModule[];
  const groups = (modules ?? allGroups(adapted)).map((group) => ({ group, names: matching(group, adapted) }));

  const progress = new Progress();
  const model = openBaseModel(directory, baseModelFlags(output));
  if (position > 0) directory.restoreModel(position - 1, model);
  const before = copyModel(model);
  try {
    const { stream, holdOuts } = await openTestSets(record, model, progress);
    const unseen = [...stream.slice(position + 1), ...holdOuts].map(({ name }) => name);
    if (unseen.length === 0) {
      throw new UsageError(
        `${run}: expected datasets that are not learned by task ${task}, got none. Choose an earlier task, or run it with hold-outs.`,
      );
    }
    const measure = async (what: string, kept: (name: string) => boolean) => {
      progress.start(what);
      scope(() => {
        loadStateDict(model, before.stateDict(), "analyze remove");
        const updates = Array.from(directory.readUpdates(position)).filter(([name]) => kept(name));
        applyUpdates(model, new Map(updates) as LowRankUpdates);
      });
      const datasets = await accuracies(model, record.protocol as ProtocolName, stream, holdOuts);
      progress.finish();
      const adaptation = datasets[(stream[position] as TestSet).name] as number;
      const retention = unseen.reduce((sum, name) => sum + (datasets[name] as number), 0) / unseen.length;
      return { adaptation, retention, datasets };
    };
    const result: RemovalAnalysis = {
      run,
      task: position,
      dataset: (stream[position] as TestSet).name,
      retentionDatasets: unseen,
      before: await measure("before the task", () => false),
      complete: await measure("nothing removed", () => true),
      removals: [],
    };
    for (const { group, names } of groups) {
      const measured = await measure(`without ${group}`, (name) => !names.has(name));
      result.removals.push({ removed: group, matrices: names.size, ...measured });
    }
    await writeAnalysis(output, result, [removalTable(result)]);
  } finally {
    model.dispose();
    before.dispose();
  }
}

async function accuracies(
  model: ClipModel,
  protocol: ProtocolName,
  stream: readonly TestSet[],
  holdOuts: readonly TestSet[],
): Promise<Record<string, number>> {
  const { createMethod, standaloneContext } = await import("../../methods/index.js");
  const { evaluate } = await import("../../protocol/index.js");
  const method = createMethod("zero-shot", {}, protocol);
  const context = standaloneContext(model, protocol);
  const on = (sets: readonly TestSet[], labels: ProtocolName) =>
    evaluate(method, sets, context, { protocol: labels, batchSize: defaultEvaluationBatchSize });
  const values = [...(await on(stream, protocol)), ...(await on(holdOuts, "mtil"))];
  return Object.fromEntries([...stream, ...holdOuts].map(({ name }, i) => [name, values[i] as number]));
}

/** Every module of each encoder, such as `vision.q`. */
function allGroups(adapted: readonly LoraModule[]): string[] {
  return [...new Set(adapted.map(({ encoder, target }) => `${encoder}.${target}`))];
}

/** Names of the matrices that a group stands for. @throws UsageError if there are none */
function matching(group: string, adapted: readonly LoraModule[]): Set<string> {
  const names = group.split("+").flatMap((part) => {
    const found = adapted.filter(({ encoder, target }) =>
      [encoder, target, `${encoder}.${target}`].includes(part),
    );
    if (found.length > 0) return found.map(({ name }) => name);
    throw new UsageError(
      `'${part}' is none of the adapted modules: expected ${allGroups(adapted).join(", ") || "a run with adapters"}, an encoder, or a module of both.`,
    );
  });
  return new Set(names);
}

function removalTable({ dataset, before, complete, removals }: RemovalAnalysis): Table {
  const values = ({ adaptation, retention }: RemovalAnalysis["before"]) => [
    adaptation,
    adaptation - complete.adaptation,
    retention,
    retention - complete.retention,
  ];
  return {
    title: `Modules removed from ${dataset} (%)`,
    caption: "Accuracy on the learned dataset, and on those that were not learned.",
    rowHeader: "Removed",
    columns: ["Adaptation", "change", "Retention", "change"],
    rows: [
      { label: "nothing", values: values(complete) },
      ...removals.map((removal) => ({ label: removal.removed, values: values(removal) })),
      { label: "everything", values: values(before) },
    ],
    best: "none",
  };
}

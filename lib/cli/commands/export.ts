import { existsSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import type { DualEncoder, OnnxDtype } from "../../clip/index.js";
import type { ContinualMethod } from "../../methods/index.js";
import { UsageError } from "../../options/index.js";
import type { RunDirectory } from "../../protocol/index.js";
import { addBaseModelOptions, type BaseModelFlags } from "../input/model-options.js";
import { print, tell } from "../output/print.js";

const formats = ["huggingface", "open-clip", "openai", "transformers-js", "peft"] as const;

/** Formats of a whole model. */
type ModelFormat = Exclude<(typeof formats)[number], "peft">;

interface ExportFlags extends BaseModelFlags {
  run: string;
  to: string;
  format: (typeof formats)[number];
  task?: string;
  dtype?: OnnxDtype[];
  weightsOnly?: boolean;
}

/** `codyra export`: what a run learned, in the formats of other libraries. */
export function exportCommand(): Command {
  const command = new Command("export")
    .description("Write what a run learned as a model or an adapter that other libraries load.")
    .requiredOption("--run <dir>", "run directory")
    .requiredOption("--to <path>", "directory to write, or file for openai; must not exist yet")
    .addOption(new Option("--format <format>", "library it is for").choices(formats).default("huggingface"))
    .option(
      "--task <task>",
      "dataset, or its position in the stream from 0 (default: the last one; peft: all together)",
    )
    .option(
      "--dtype <list>",
      "dtypes of transformers-js: fp32, fp16, q8, with commas between (default: fp32,q8)",
      parseDtypes,
    )
    .option("--weights-only", "export CLIP's weights alone, without the method's head");
  return addBaseModelOptions(command)
    .addHelpText(
      "after",
      `
Formats:
  huggingface      merged model; transformers.CLIPModel.from_pretrained(DIR), or SiglipModel
  open-clip        merged model; open_clip.create_model_and_transforms("local-dir:DIR")
  openai           merged model; clip.model.build_model(torch.load(FILE)), which rounds to float16
  transformers-js  merged model in ONNX; pipeline("zero-shot-image-classification", DIR) of @huggingface/transformers
  peft             adapter; peft.PeftModel.from_pretrained(base, DIR)

A SigLIP is written as huggingface and peft; the other formats are for CLIPs.

Methods that classify by more than CLIP's weights have a head: rail-*, codyra+rail-*, codyra-routed, moe-adapter, keeplora with heads, and
unlearnedTexts=first. In the formats huggingface and open-clip it lies beside the model as codyra_head.safetensors, and codyra classify answers with it as the run did. The other formats have
no place for it and are refused. --weights-only leaves it out: other libraries see the weights alone in any case. A run that changed no weights and has no
head is refused, too.

Merged models need no base, but that of codyra-routed and of features=frozen does. Methods that keep statistics of learned classes (statra, or replay=true)
export codyra_statistics.safetensors beside the model. A run that starts from such a folder goes on from them.

The adapter of all tasks together belongs on the model that the run started from. That of one --task belongs on the
model before this task, which --format huggingface --task with the task before exports.

Examples:
  $ codyra export --run runs/shop --to shop-clip
  $ codyra export --run runs/shop --to shop-clip-1 --task 1
  $ codyra export --run runs/shop --to shop-web --format transformers-js --dtype fp16,q8
  $ codyra export --run runs/shop --to shop-adapter --format peft
  $ codyra export --run runs/shop --to flowers-adapter --format peft --task flowers`,
    )
    .action(exportRun);
}

async function exportRun({
  run,
  to,
  format,
  task,
  dtype,
  weightsOnly = false,
  ...base
}: ExportFlags): Promise<void> {
  if (dtype !== undefined && format !== "transformers-js")
    throw new UsageError(
      `--dtype is of --format transformers-js: the format ${format} has one. Leave it out.`,
    );
  const { methodWithHead, openFinishedRun, taskPosition } = await import("../../experiment/index.js");
  const { directory, finished } = openFinishedRun(run);
  const target = resolve(to);
  if (existsSync(target)) {
    throw new Error(`${target} is there already: expected a new path. Name another one.`);
  }
  const position = task === undefined ? undefined : taskPosition(task, directory, finished);
  const guarded = directory.readGuard(position ?? finished - 1);
  if (guarded?.isBroken) {
    const { brokenLimits } = await import("../../records/index.js");
    tell(
      `After ${guarded.dataset}, the guard of the run is broken: ${brokenLimits(guarded)}. The model is written all the same: think before it ships.\n`,
    );
  }
  const method = weightsOnly ? undefined : methodWithHead(directory);
  if (method && format !== "huggingface" && format !== "open-clip") throw noPlace(directory, format);
  if (format === "peft") await exportAdapter(directory, target, finished, position, base);
  else {
    const wanted = { format, dtype, task: position ?? finished - 1, last: finished - 1, method };
    await exportModel(directory, target, wanted, base);
  }
  print(`${target}\n`);
}

interface WantedModel {
  readonly format: ModelFormat;
  readonly dtype?: readonly OnnxDtype[];
  readonly task: number;
  readonly last: number;
  /** The method, if it has a head to export. */
  readonly method?: ContinualMethod;
}

async function exportModel(
  directory: RunDirectory,
  target: string,
  { format, dtype, task, last, method }: WantedModel,
  base: BaseModelFlags,
): Promise<void> {
  const { modelFingerprint, saveModel, saveOpenAi, saveOpenClip, saveTransformersJs } = await import(
    "../../clip/index.js"
  );
  const { openBaseModel } = await import("../../experiment/index.js");
  const save = {
    huggingface: saveModel,
    "open-clip": saveOpenClip,
    openai: saveOpenAi,
    "transformers-js": (model: DualEncoder, to: string) => saveTransformersJs(model, to, { dtypes: dtype }),
  }[format];
  const whole = base.model === undefined ? directory.openCheckpoint(task) : undefined;
  const model = whole ?? openBaseModel(directory, base);
  if (whole === undefined) {
    const before = modelFingerprint(model);
    if (!method?.keepsWeights) directory.restoreModel(task, model);
    if (!method && modelFingerprint(model) === before) throw unchanged(directory, task);
  } else if (
    !method &&
    modelFingerprint(model, { precision: false }) === directory.readRecord().modelFingerprint
  ) {
    throw unchanged(directory, task);
  }
  if (method) {
    await exportHead(directory, target, method, task, { model, base });
    const fingerprint = modelFingerprint(model, { precision: false });
    if (fingerprint === directory.readRecord().modelFingerprint) tell(untouched(directory));
  }
  save(model, target);
  await exportStatistics(directory, target, format, { task, last, model });
}

/** Written before the model: whoever finds the model finds the head, also where the export was cut off. */
async function exportHead(
  directory: RunDirectory,
  target: string,
  method: ContinualMethod,
  task: number,
  { model, base }: { readonly model: DualEncoder; readonly base: BaseModelFlags },
): Promise<void> {
  const { headAfter, openBaseModel } = await import("../../experiment/index.js");
  const { writeHead } = await import("../../protocol/index.js");
  const { scope } = await import("../../torch/index.js");
  let pretrained: DualEncoder | undefined;
  const openPretrained = () => {
    pretrained = openBaseModel(directory, base);
    return pretrained;
  };
  scope(() => {
    const head = headAfter(task, directory, method, { model, pretrained: openPretrained });
    mkdirSync(target, { recursive: true });
    writeHead(target, head);
  });
  pretrained?.dispose();
}

function noPlace(directory: RunDirectory, format: string): Error {
  const { method } = directory.readRecord();
  return new Error(
    `${directory.path}: ${method} keeps what it learned beside CLIP's weights, and ${format} has no place for that. Expected the format ` +
      "huggingface or open-clip: codyra classify reads the head beside the weights. Take one of them, or pass --weights-only for the weights alone.",
  );
}

/** Says that the weights have learned nothing, and the head alone holds what was learned. */
function untouched(directory: RunDirectory): string {
  const { method } = directory.readRecord();
  return (
    `The weights alone are those of the model that the run started from: what ${method} learned is in the head beside them. ` +
    "codyra classify reads it; for other libraries, nothing was learned.\n"
  );
}

/** Nothing was learned that the export could hold. */
function unchanged(directory: RunDirectory, task: number): Error {
  const { method, datasets } = directory.readRecord();
  return new Error(
    `${directory.path}: after '${datasets[task]?.name}', ${method} has left CLIP's weights as they were: expected weights that learned something. ` +
      "Use the model that the run started from.",
  );
}

/**
 * Exports the statistics of learned classes that a method such as statra keeps, for the next task of a run
 * that starts from the export.
 */
async function exportStatistics(
  directory: RunDirectory,
  target: string,
  format: ModelFormat,
  { task, last, model }: { readonly task: number; readonly last: number; readonly model: DualEncoder },
): Promise<void> {
  const { statisticsOf, writeStatistics } = await import("../../protocol/index.js");
  const torch = await import("../../torch/index.js");
  if (!directory.hasCheckpoint(last)) return;
  torch.scope(() => {
    const statistics = statisticsOf(directory.readMethodState(last));
    if (statistics === undefined) return;
    if (task !== last)
      tell(
        "The statistics of learned classes are kept after the last task only: a run that starts from this export has none.\n",
      );
    else if (format === "huggingface" || format === "open-clip") writeStatistics(target, statistics, model);
    else
      tell(
        `The format ${format} has no place for the statistics of learned classes: go on learning from --format huggingface.\n`,
      );
  });
}

async function exportAdapter(
  directory: RunDirectory,
  target: string,
  finished: number,
  task: number | undefined,
  base: BaseModelFlags,
): Promise<void> {
  const { concatenateUpdates, saveAdapter } = await import("../../lora/index.js");
  const updates =
    task === undefined
      ? concatenateUpdates(Array.from({ length: finished }, (_, t) => directory.readUpdates(t)))
      : directory.readUpdates(task);
  if (updates.size === 0) {
    throw new Error(
      `${directory.path}: no rank survived, so the adapter would be empty. Use its base model as it is.`,
    );
  }
  const { resolveModel, baseModel } = await import("../../experiment/index.js");
  const { model } = baseModel(directory, base);
  const isOnBase = task === undefined || task === 0;
  saveAdapter(updates, target, {
    baseModel: isOnBase ? resolveModel(model) : undefined,
    family: directory.updatesFamily(task ?? 0),
  });
}

function parseDtypes(text: string): OnnxDtype[] {
  const known: readonly string[] = ["fp32", "fp16", "q8"] satisfies OnnxDtype[];
  const names = text.split(",").map((name) => name.trim());
  if (names.every((name) => known.includes(name))) return [...new Set(names)] as OnnxDtype[];
  throw new InvalidArgumentError(`Expected some of ${known.join(", ")}, with commas between.`);
}

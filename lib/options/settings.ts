import { z } from "zod";
import {
  decodeTimeoutSchema,
  defaultDecodeTimeoutSeconds,
  defaultLimitInputPixels,
  limitInputPixelsSchema,
} from "./decode-limits.js";
import { describeOptions, formatDefault } from "./described.js";
import { deviceSchema, precisionSchema } from "./device.js";
import { defaultEvaluationBatchSize, evaluationBatchSizeSchema } from "./evaluation-batch-size.js";
import { evaluationPrecisionSchema } from "./evaluation-precision.js";
import { protocolSchema } from "./protocol.js";
import { defaultSaveEverySeconds, saveEverySchema } from "./save-every.js";

declare module "zod" {
  interface GlobalMeta {
    /** The flag of a setting that the command line takes too, such as `--data <dir>`. */
    flag?: string;
  }
}

/** Gigabytes of test features that a run keeps unless told otherwise. */
export const defaultTestFeatures = 2;

const setting = (flag: string, description: string) => ({ flag, description });

/** The model to start from. */
export const modelShape = {
  model: z
    .string()
    .default("miniature")
    .meta(
      setting(
        "--model <model>",
        "CLIP to start from: a directory or file, owner/name of a downloaded one, or miniature",
      ),
    ),
  tokenizer: z
    .string()
    .optional()
    .meta(
      setting("--tokenizer <file>", "tokenizer.json or CLIP's vocabulary file, if the model comes without"),
    ),
  activation: z
    .enum(["quick_gelu", "gelu"])
    .optional()
    .meta(setting("--activation <name>", "activation of a model file that does not tell")),
  allowPickle: z
    .boolean()
    .default(false)
    .meta(
      setting("--allow-pickle", "read model files that are pickles (.bin, .pt); their code is never run"),
    ),
} as const;

/** Settings that bound the cost of decoding one image. */
export const decodeLimitsShape = {
  limitInputPixels: limitInputPixelsSchema
    .default(defaultLimitInputPixels)
    .meta(
      setting(
        "--limit-input-pixels <n>",
        "pixels of the largest image that is decoded; larger ones are refused",
      ),
    ),
  decodeTimeoutSeconds: decodeTimeoutSchema
    .default(defaultDecodeTimeoutSeconds)
    .meta(
      setting(
        "--decode-timeout-seconds <n>",
        "seconds after which an image counts as unreadable; 0 waits for ever",
      ),
    ),
} as const;

/** How images and texts become what the model reads. */
export const inputShape = {
  truncate: z
    .boolean()
    .default(false)
    .meta(
      setting("--truncate", "cut texts that are longer than what the model reads, which else is an error"),
    ),
  orient: z
    .boolean()
    .default(false)
    .meta(
      setting(
        "--orient",
        "turn photographs upright as their EXIF data say; CLIP's own code does not (AVIF and TIFF always are)",
      ),
    ),
  transparency: z
    .enum(["drop", "white"])
    .default("drop")
    .meta(
      setting(
        "--transparency <how>",
        "drop it, as CLIP's own code, or lay images on white, as transformers 5.21 and later",
      ),
    ),
  ...decodeLimitsShape,
} as const;

/** How the datasets of the paper are read; said once for all of them, or for a single one. */
export const readingShape = {
  data: z
    .string()
    .min(1)
    .optional()
    .meta(setting("--data <dir>", "folder that holds the folders of the paper's datasets")),
  splitSource: z
    .enum(["coop", "torchvision"])
    .optional()
    .meta(
      setting(
        "--split-source <source>",
        "division into training and test images: that of CoOp's split files, or the official one (default: coop)",
      ),
    ),
  promptSet: z
    .enum(["per-dataset", "rail", "mtil"])
    .optional()
    .meta(
      setting(
        "--prompt-set <set>",
        "class names and templates of the paper's datasets (default: per-dataset)",
      ),
    ),
  drawSplit: z
    .int()
    .nonnegative()
    .optional()
    .meta(
      setting(
        "--draw-split <seed>",
        "seed to draw a split with where CoOp's file is missing; not comparable with published results",
      ),
    ),
} as const;

/**
 * Settings of a run that are single values. Flags, help, YAML validation and docs/options.md come from here.
 */
export const settingsShape = {
  name: z.string().min(1).optional().meta(setting("--name <name>", "name of the run")),
  protocol: protocolSchema
    .default("x-tail")
    .meta(
      setting(
        "--protocol <protocol>",
        "candidate classes at test time: all of them, or those of the dataset",
      ),
    ),
  ...modelShape,
  ...inputShape,
  method: z.string().default("codyra").meta(setting("--method <name>", "name of the method, see below")),
  shots: z
    .literal("all")
    .transform(() => null)
    .or(z.int().positive().nullable())
    .default(16)
    .meta(setting("--shots <n>", "training images per class; all or null takes all")),
  seed: z
    .int()
    .nonnegative()
    .default(8)
    .meta(setting("--seed <n>", "seed of sampling, initialisation and batches")),
  device: deviceSchema
    .default("cpu")
    .meta(setting("--device <device>", "device to compute on: cpu, cuda, cuda:1, …")),
  precision: precisionSchema
    .optional()
    .meta(
      setting(
        "--precision <precision>",
        "precision of both encoders; weights and losses stay fp32 (default: bf16 on CUDA, else fp32)",
      ),
    ),
  evaluationBatchSize: evaluationBatchSizeSchema
    .default(defaultEvaluationBatchSize)
    .meta(
      setting("--evaluation-batch-size <n>", "test images per pass; auto takes as many as fit into memory"),
    ),
  evaluationPrecision: evaluationPrecisionSchema
    .default("exact")
    .meta(
      setting(
        "--evaluation-precision <how>",
        "precision for test images: exact is the run's, bf16 confirms close calls in it; the run says how many, or why it has no effect",
      ),
    ),
  testFeatures: z
    .number()
    .nonnegative()
    .default(defaultTestFeatures)
    .meta(
      setting(
        "--test-features <gb>",
        "gigabytes of test features that a run keeps, so that growing in X-TAIL does not encode them again; 0 keeps none",
      ),
    ),
  saveEverySeconds: saveEverySchema
    .default(defaultSaveEverySeconds)
    .meta(
      setting(
        "--save-every-seconds <n>",
        "seconds between saved states of a task in progress, which --resume goes on from; 0 saves none",
      ),
    ),
  cache: z
    .boolean()
    .default(true)
    .meta(setting("--no-cache", "keep decoded images on disk for the next run")),
  output: z
    .string()
    .optional()
    .meta(setting("--output <dir>", "directory for the run's files (default: runs/<name>)")),
  ...readingShape,
} as const;

/** A setting as docs/options.md shows it: everything as text. */
export interface SettingRow {
  readonly name: string;
  readonly flag: string;
  readonly type: string;
  readonly default: string;
  readonly meaning: string;
}

/** The settings of a run, with their flags. */
export function settingRows(): SettingRow[] {
  const described = describeOptions(z.strictObject(settingsShape));
  return described.map(({ name, flag = "", type, meaning, default: standard }) => ({
    name,
    flag,
    type,
    default: formatDefault(standard),
    meaning,
  }));
}

import { z } from "zod";
import { code, type Given, paper, paperOrCode } from "../../options/index.js";
import { trainingShape } from "../shared/options.js";

// The presets differ where the paper and its code do: docs/specification.md, section 6.
const presets = {
  paper: {
    weightSide: "input",
    weightShare: "at-least",
    features: "tokens",
    gradient: "exact",
    svd: "exact",
    textPositions: "words",
    testTemplates: "all",
  },
  released: {
    weightSide: "output",
    weightShare: "below",
    features: "slot-mean",
    gradient: "autocast",
    svd: "randomised",
    textPositions: "all",
    testTemplates: "first",
  },
} as const;

const share = z.number().min(0).max(1);

export const schema = z.strictObject({
  preset: z.enum(["paper", "released"]).describe("defaults of the options from weightSide to testTemplates"),
  variant: z
    .enum(["v1", "plus", "pp", "pp-cls"])
    .default("v1")
    .meta(paper("KeepLoRA; KeepLoRA+, with a head per task; KeepLoRA++; and that with heads")),
  ...trainingShape,
  iterations: trainingShape.iterations.meta({ source: "codyra" }),
  loss: trainingShape.loss.default("image-to-text").meta({ source: "code" }),
  learningRate: trainingShape.learningRate.default(1e-3).describe("highest learning rate"),
  betas: trainingShape.betas
    .default([0.9, 0.999])
    .describe("decay rates of AdamW's moments; onecycle moves the first one between 0.95 and 0.85"),
  weightDecay: trainingShape.weightDecay.default(0.01),
  epochs: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .meta(code("passes over the images of a task; null takes as many iterations as given")),
  datasetEpochs: z
    .record(z.string(), z.int().positive())
    .default({})
    .meta(code("passes over the images of single datasets, by name")),
  schedule: z
    .enum(["onecycle", "cosine"])
    .default("onecycle")
    .meta(code("up for 30 % of the iterations and down again, with beta1 the other way round; or down")),
  crops: z
    .enum(["center", "fresh"])
    .default("center")
    .meta(code("training images: their middle, as in tests and as published, or random crops")),
  rank: z.int().positive().default(16).meta(code("rank of every update")),
  alpha: z.number().positive().default(1).meta(code("updates are multiplied by alpha over rank")),
  epsW: z
    .strictObject({
      vision: share.default(0.85).meta(code("share in the image encoder")),
      text: share.default(0.2).meta(code("share in the text encoder")),
    })
    .prefault({})
    .meta(code("share of the pre-trained weights' energy that is protected, in both encoders")),
  epsF: share.default(0.99).meta(code("share of the energy of earlier tasks' features that is protected")),
  gamma: share.default(0.2).meta(code("layer scale of the first block of the image encoder, in ++")),
  textLayerScale: share.default(1).describe("layer scale of the first block of the text encoder, in ++"),
  weightSide: z
    .enum(["input", "output"])
    .meta(
      paperOrCode("singular vectors of the weights that are protected; those of the output are no inputs"),
    ),
  weightShare: z
    .enum(["at-least", "below"])
    .meta(paperOrCode("the fewest directions with a share of at least epsW, or the most with less")),
  features: z
    .enum(["tokens", "slot-mean"])
    .meta(
      paperOrCode(
        "features to protect: of every token, or sums over batches of what is at one place in them",
      ),
    ),
  gradient: z
    .enum(["exact", "autocast"])
    .meta(
      paperOrCode("gradient of all images in float32, or of full batches in float16 without loss scaling"),
    ),
  svd: z.enum(["exact", "randomised"]).meta(paperOrCode("how the gradient is decomposed")),
  textPositions: z.enum(["words", "all"]).meta(paperOrCode("positions of a text whose features count")),
  testTemplates: z
    .enum(["all", "first"])
    .meta(
      paperOrCode("prompts at test time: the dataset's, or the first of them, which is what is trained with"),
    ),
});

export type KeepLoraOptions = z.infer<typeof schema>;

/** The options with the defaults of their preset. */
export function withPreset(given: Given): Given {
  const preset = presets[given.preset === "released" ? "released" : "paper"];
  return { preset: "paper", ...preset, ...given };
}

/** KeepLoRA++: the layer scale rises, and B starts at zero. */
export function isPlusPlus({ variant }: Pick<KeepLoraOptions, "variant">): boolean {
  return variant === "pp" || variant === "pp-cls";
}

/** A cosine head per task. */
export function hasHeads({ variant }: Pick<KeepLoraOptions, "variant">): boolean {
  return variant === "plus" || variant === "pp-cls";
}

import { z } from "zod";
import { code, paper } from "../../options/index.js";

const decayRate = z.number().min(0).lt(1);

/** Options of every method that trains. Defaults are those of docs/specification.md, section 2.2. */
export const trainingShape = {
  iterations: z.int().positive().default(500).meta(paper("iterations per task")),
  batchSize: z.int().positive().default(64).meta(code("images per iteration")),
  learningRate: z
    .number()
    .positive()
    .default(5e-4)
    .meta(code("highest learning rate; decays to 0 along a cosine")),
  warmup: z.int().nonnegative().default(0).meta(code("iterations of linear warm-up")),
  betas: z.tuple([decayRate, decayRate]).default([0.9, 0.9999]).meta(code("decay rates of AdamW's moments")),
  eps: z.number().positive().default(1e-8).meta(code("AdamW's epsilon")),
  weightDecay: z.number().nonnegative().default(0).meta(code("decoupled weight decay")),
  labelSmoothing: z.number().min(0).max(1).default(0).meta(code("label smoothing of the image-to-text loss")),
  cropScale: z
    .tuple([z.number().positive().max(1), z.number().positive().max(1)])
    .refine(([smallest, largest]) => smallest <= largest, "expected the smaller area first")
    .default([0.9, 1])
    .meta(code("area of random crops, relative to the image")),
  loss: z
    .enum(["symmetric", "released", "image-to-text", "sigmoid"])
    .default("symmetric")
    .meta(
      paper(
        "contrastive loss: the paper's, the released code's, cross-entropy over the classes alone, or SigLIP's of each class by itself, without label smoothing",
      ),
    ),
  negatives: z
    .enum(["current", "seen"])
    .default("current")
    .meta(code("classes an image is compared with: the task's own, or those of earlier tasks too")),
  accumulate: z
    .int()
    .positive()
    .default(1)
    .describe(
      "parts that the images of an iteration are encoded in; the same loss and gradients with less memory, for one more forward pass",
    ),
  checkpointing: z
    .boolean()
    .default(false)
    .describe("compute each block's activations again in the backward pass: far less memory, more time"),
  cudaGraph: z
    .boolean()
    .default(true)
    .describe(
      "on CUDA, record an iteration once and repeat it with one launch, for methods whose iterations are all alike",
    ),
  logEvery: z.int().positive().default(10).describe("iterations between logged losses"),
} as const;

export const trainingSchema = z.strictObject(trainingShape);
export type TrainingOptions = z.infer<typeof trainingSchema>;

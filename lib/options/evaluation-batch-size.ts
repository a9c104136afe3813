import { z } from "zod";

/** Test images per pass, unless a run says otherwise. */
export const defaultEvaluationBatchSize = 100;

/** Images per pass; with `auto` as many as fit into memory. */
export const evaluationBatchSizeSchema = z.union([z.int().positive(), z.literal("auto")]);
export type BatchSize = z.infer<typeof evaluationBatchSizeSchema>;

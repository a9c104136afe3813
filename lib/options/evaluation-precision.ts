import { z } from "zod";

/** How test images are encoded: exactly, or in bf16 with close calls confirmed exactly. */
export const evaluationPrecisionSchema = z.enum(["exact", "bf16"]);
export type EvaluationPrecision = z.infer<typeof evaluationPrecisionSchema>;

import { z } from "zod";

/** The device of a model, as users name it. */
export const deviceSchema = z
  .custom<"cpu" | "cuda" | `cuda:${number}`>((text) => /^(cpu|cuda(:\d+)?)$/.test(String(text)), {
    error: ({ input }) => `expected cpu, cuda or cuda:<number>, got ${JSON.stringify(input)}`,
  })
  .meta({ type: "string" });
export type Device = z.infer<typeof deviceSchema>;

/** Precision of the encoders. */
export const precisionSchema = z.enum(["fp32", "bf16"]);
export type Precision = z.infer<typeof precisionSchema>;

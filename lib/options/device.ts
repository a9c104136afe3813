import { z } from "zod";

/** Where a model computes, as a user names it. */
export const deviceSchema = z
  .custom<"cpu" | "cuda" | `cuda:${number}`>((text) => /^(cpu|cuda(:\d+)?)$/.test(String(text)), {
    error: ({ input }) => `expected cpu, cuda or cuda:<number>, got ${JSON.stringify(input)}`,
  })
  .meta({ type: "string" });
export type Device = z.infer<typeof deviceSchema>;

/** What the encoders compute in. */
export const precisionSchema = z.enum(["fp32", "bf16"]);
export type Precision = z.infer<typeof precisionSchema>;

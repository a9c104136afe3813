import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { protocolSchema } from "../options/index.js";

const optionsByMethod = z.record(z.string(), z.record(z.string(), z.unknown()));

const schema = z.strictObject({
  /** The CLIP to start from: `miniature`, `miniature-v2`, or as in `codyra run`. */
  model: z.string(),
  protocol: protocolSchema,
  shots: z.int().positive(),
  testPerClass: z.int().positive(),
  seeds: z.array(z.int().nonnegative()).nonempty(),
  /** Image–caption pairs like those of the pre-training, for methods that distil on reference data. */
  referencePairs: z.int().positive(),
  /** The methods that are compared unless others are asked for. */
  demo: z.array(z.string()).nonempty(),
  methods: optionsByMethod,
  /** Options of one protocol, over the options by method. */
  protocols: z.partialRecord(protocolSchema, optionsByMethod).default({}),
});

/** The miniature benchmark as `configs/miniature.yaml` describes it. */
export type MiniatureSettings = z.infer<typeof schema>;

/** Reads the miniature benchmark from `configs/miniature.yaml`. @throws ZodError if it does not fit */
export function readMiniatureSettings(packageRoot: string): MiniatureSettings {
  const text = readFileSync(join(packageRoot, "configs", "miniature.yaml"), "utf8");
  return schema.parse(parse(text, { merge: true }));
}

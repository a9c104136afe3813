import { join } from "node:path";
import { z } from "zod";
import { withoutPrefix, withPrefix } from "../methods/index.js";
import { protocolSchema } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { findBeside } from "./beside-model.js";
import { parseJson } from "./parse-json.js";

/** The file beside a model that holds what a method classifies by: docs/serving.md, "Heads". */
const fileName = "codyra_head.safetensors";
const format = "codyra head";
const version = "1";

// Methods have names of their own for tensors: without a colon before them, they could be one of these.
const pretrainedPrefix = "pretrained:";
const methodPrefix = "method:";

const jsonSchema = z.record(z.string(), z.unknown());
const descriptionSchema = z.object({
  method: z.string(),
  options: jsonSchema,
  protocol: protocolSchema,
  seed: z.int(),
  /** Candidate classes, dataset by dataset, in the order of the run. */
  datasets: z
    .array(
      z.object({
        name: z.string(),
        classes: z.array(z.string()).nonempty(),
        templates: z.array(z.string()).nonempty(),
        isLearned: z.boolean(),
      }),
    )
    .nonempty(),
  /** Any name may be a candidate, also one that is no class of the datasets. */
  takesAnyLabel: z.boolean().default(false),
  /** Values that the method keeps beside its tensors. */
  data: jsonSchema,
  /** The fingerprint of the CLIP that the file belongs to. */
  weightsFingerprint: z.string(),
});

/** The metadata of a head file. */
export type HeadDescription = z.infer<typeof descriptionSchema>;

/** A head as it is in a file. */
export interface HeadFile extends HeadDescription {
  /** Tensors of the method. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Weights that the run started from, where they are others than those of the model beside the file. */
  readonly pretrained: ReadonlyMap<string, Tensor>;
}

/**
 * The file of a model's head.
 * @param model its directory or file   @returns `undefined` where there is none
 */
export function findHead(model: string): string | undefined {
  return findBeside(model, fileName);
}

/** Writes a head into a model's directory. */
export function writeHead(directory: string, { tensors, pretrained, ...description }: HeadFile): void {
  const fields = Object.entries(description).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  torch.safetensors.save(
    join(directory, fileName),
    [...withPrefix(methodPrefix, tensors), ...withPrefix(pretrainedPrefix, pretrained)],
    { format, version, ...Object.fromEntries(fields) },
    { checksum: true },
  );
}

/**
 * Reads a head file: its tensors are views of it.
 * @throws if it is damaged, or another version's
 */
export function readHead(path: string): HeadFile {
  const { tensors, metadata } = torch.safetensors.load(path);
  return {
    ...describe(metadata, path),
    tensors: withoutPrefix(methodPrefix, tensors),
    pretrained: withoutPrefix(pretrainedPrefix, tensors),
  };
}

function describe(metadata: Readonly<Record<string, string>>, path: string): HeadDescription {
  const { options, seed, datasets, data, takesAnyLabel = "false" } = metadata; // older files do not say
  const json = { options, seed, datasets, data, takesAnyLabel };
  const parsed = Object.entries(json).map(([key, text]) => [key, parseJson(text)]);
  const result = descriptionSchema.safeParse({ ...metadata, ...Object.fromEntries(parsed) });
  if (metadata.format === format && metadata.version === version && result.success) return result.data;
  const found = result.success
    ? `${metadata.format ?? "no format"}, version ${metadata.version ?? "none"}`
    : z.prettifyError(result.error);
  throw new Error(
    `${path}: expected a ${format} of version ${version}, got ${found}. Export the model again with this version of codyra.`,
  );
}

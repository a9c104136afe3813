import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { MethodState } from "../methods/index.js";
import * as torch from "../torch/index.js";
import { parseJson } from "./parse-json.js";

/**
 * The file beside a model that holds what a method kept of the classes it learned: docs/statra.md, "The
 * file".
 */
const fileName = "codyra_statistics.safetensors";

const groupSchema = z.object({
  name: z.string(),
  classes: z.array(z.string()),
  templates: z.array(z.string()),
});
const dataSchema = z.looseObject({
  groups: z.array(groupSchema),
  images: z.array(z.number().nonnegative()),
  covariance: z.enum(["shared", "diagonal", "none"]),
  words: z.array(z.string()),
  wordTemplates: z.array(z.string()),
});

/** Whether a method's state is such statistics. Any method that replays them can go on from it. */
export function isStatistics({ data }: MethodState): boolean {
  return dataSchema.safeParse(data).success;
}

/** Writes a method's state beside a model. */
export function writeStatistics(directory: string, { tensors, data }: MethodState): void {
  const metadata = { format: "codyra statistics", version: "1", data: JSON.stringify(data) };
  torch.safetensors.save(join(directory, fileName), tensors, metadata, { checksum: true });
}

/**
 * The statistics that came with a model: copies.
 * @param path the model's directory or file   @returns `undefined` where there are none
 * @throws if the file is damaged, or another version's
 */
export function readStatistics(path: string): MethodState | undefined {
  const file = join(path, fileName);
  if (!existsSync(file)) return undefined;
  const { tensors, metadata } = torch.scope(() => {
    const { tensors, metadata } = torch.safetensors.load(file);
    return { metadata, tensors: new Map(Array.from(tensors, ([name, tensor]) => [name, tensor.clone()])) };
  });
  const parsed = dataSchema.safeParse(parseJson(metadata.data));
  if (metadata.version === "1" && parsed.success) return { tensors, data: parsed.data };
  for (const tensor of tensors.values()) tensor.dispose();
  const found = parsed.success ? `version ${metadata.version}` : z.prettifyError(parsed.error);
  throw new Error(
    `${file}: expected statistics of version 1, got ${found}. Export the model again, or remove the file to start without them.`,
  );
}

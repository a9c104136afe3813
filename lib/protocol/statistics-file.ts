import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { type DualEncoder, weightsFingerprint } from "../clip/index.js";
import type { MethodState } from "../methods/index.js";
import type { InheritedRecord } from "../records/index.js";
import * as torch from "../torch/index.js";
import { findBeside } from "./beside-model.js";
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

/**
 * The statistics within a method's state, from which any method that replays them can go on. A method that
 * trains by another has them in the part of that one.
 * @returns `undefined` where there are none
 */
export function statisticsOf({ tensors, data }: MethodState): MethodState | undefined {
  const own = [data, data.base].find((part) => dataSchema.safeParse(part).success);
  if (own === undefined) return undefined;
  const taken = Array.from(tensors).filter(([name]) => /^(statistics|anchors|first)\./.test(name));
  return { tensors: new Map(taken), data: own as MethodState["data"] };
}

/**
 * Writes a method's state beside a model.
 * @param model the one whose features the state is of
 */
export function writeStatistics(directory: string, { tensors, data }: MethodState, model: DualEncoder): void {
  const metadata = {
    format: "codyra statistics",
    version: "1",
    data: JSON.stringify(data),
    weightsFingerprint: weightsFingerprint(model),
  };
  torch.safetensors.save(join(directory, fileName), tensors, metadata, { checksum: true });
}

/**
 * The statistics that came with a model: copies.
 * @param path the directory or file of the model   @returns `undefined` where there are none
 * @throws if the file is damaged, another version's, or of other weights than the model's
 */
export function readStatistics(model: DualEncoder, path: string): MethodState | undefined {
  const file = findBeside(path, fileName);
  if (file === undefined) return undefined;
  const { tensors, metadata } = torch.scope(() => {
    const { tensors, metadata } = torch.safetensors.load(file);
    return { metadata, tensors: new Map(Array.from(tensors, ([name, tensor]) => [name, tensor.clone()])) };
  });
  const parsed = dataSchema.safeParse(parseJson(metadata.data));
  // Earlier versions wrote no fingerprint.
  const isOfModel = [undefined, weightsFingerprint(model)].includes(metadata.weightsFingerprint);
  if (metadata.version === "1" && parsed.success && isOfModel) return { tensors, data: parsed.data };
  for (const tensor of tensors.values()) tensor.dispose();
  if (!isOfModel) {
    throw new Error(
      `${file}: expected statistics of the model that it was exported with, got other weights in ${path}. Export both again, or remove the ` +
        "file to start without the classes learned before.",
    );
  }
  const found = parsed.success ? `version ${metadata.version}` : z.prettifyError(parsed.error);
  throw new Error(
    `${file}: expected statistics of version 1, got ${found}. Export the model again, or remove the file to start without them.`,
  );
}

/** The facts of statistics that a run records: whose they are, and what they are. */
export function describeStatistics({ tensors, data }: MethodState): InheritedRecord {
  const { groups } = dataSchema.parse(data);
  const hash = createHash("sha256").update(JSON.stringify(data));
  for (const [name, tensor] of tensors) {
    hash.update(`${name} ${tensor.shape}`);
    torch.scope(() => hash.update(tensor.detach().to({ device: "cpu" }).toTypedArray() as Float32Array));
  }
  return {
    datasets: groups.map(({ name, classes }) => ({ name, classes: classes.length })),
    fingerprint: hash.digest("hex"),
  };
}

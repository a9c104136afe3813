import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DualEncoder, descriptionFiles, loadModel } from "../clip/index.js";
import { type ContinualMethod, type MethodState, withoutPrefix, withPrefix } from "../methods/index.js";
import * as torch from "../torch/index.js";

// No published parameter has a colon in its name.
const methodPrefix = "method:";
const filePrefix = "file:";

/** The content of a checkpoint: one safetensors file with a checksum. */
export interface Checkpoint {
  readonly weights: Map<string, torch.Tensor>;
  readonly state: MethodState;
  /** Those that describe the model, as bytes. */
  readonly files: Map<string, torch.Tensor>;
}

/** Writes the model and the method as they are. */
export function writeCheckpoint(path: string, model: DualEncoder, method: ContinualMethod): void {
  torch.scope(() => {
    const { tensors, data } = method.state();
    const own = withPrefix(methodPrefix, tensors);
    const files = Array.from(descriptionFiles(model), ([name, content]) => {
      const bytes = new Uint8Array(Buffer.from(content));
      return [filePrefix + name, torch.fromTypedArray(bytes, [bytes.length])] as const;
    });
    const metadata = { format: "pt", method: method.name, data: JSON.stringify(data) };
    const all = [...model.stateDict(), ...own, ...files];
    torch.safetensors.save(path, all, metadata, { checksum: true });
  });
}

/** The content of a checkpoint, as views of the memory-mapped file. @throws if it is missing or damaged */
export function readCheckpoint(path: string): Checkpoint {
  const { tensors, metadata } = torch.safetensors.load(path);
  return {
    weights: new Map(Array.from(tensors).filter(([key]) => !key.includes(":"))),
    files: withoutPrefix(filePrefix, tensors),
    state: {
      tensors: withoutPrefix(methodPrefix, tensors),
      data: JSON.parse(metadata.data ?? "{}") as MethodState["data"],
    },
  };
}

/**
 * The model of a checkpoint.
 * @returns `undefined` if the checkpoint is of a version that holds weights only
 */
export function modelOfCheckpoint({ weights, files }: Checkpoint): DualEncoder | undefined {
  if (files.size === 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "codyra-checkpoint-"));
  try {
    for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes.toTypedArray() as Uint8Array);
    torch.safetensors.save(join(folder, "model.safetensors"), weights, { format: "pt" });
    return loadModel(folder, { device: "cpu", precision: "fp32" });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

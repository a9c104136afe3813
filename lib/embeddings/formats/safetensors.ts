import * as torch from "../../torch/index.js";
import { writeFloats } from "./float-file.js";
import type { EmbeddingFormat } from "./format.js";
import { readInfo, writeInfo } from "./info.js";
import { itemsFileOf, readItems } from "./items-file.js";

/** Safetensors with one tensor, `vectors`, and a CSV of names and labels beside it. */
export const safetensors: EmbeddingFormat = {
  extension: ".safetensors",
  besides: (path) => [itemsFileOf(path)],
  async write(path, info, count, rows) {
    const tensor = { dtype: "F32", shape: [count, info.width], data_offsets: [0, 4 * count * info.width] };
    const head = torch.safetensors.encodeHeader({ __metadata__: writeInfo(info), vectors: tensor });
    await writeFloats(path, head, rows);
  },
  async open(path) {
    const { metadata, count } = torch.scope(() => {
      const { vectors, metadata } = load(path);
      return { metadata, count: vectors.size(0) };
    });
    return {
      info: readInfo(metadata, path),
      items: readItems(itemsFileOf(path), count),
      readVectors: async () => torch.scope(() => load(path).vectors),
    };
  },
};

function load(path: string) {
  const { tensors, metadata } = torch.safetensors.load(path);
  const vectors = tensors.get("vectors");
  if (vectors?.dtype === "float32" && vectors.dim() === 2) return { vectors, metadata };
  throw new Error(
    `${path}: expected a float32 matrix called vectors, as codyra embed writes it. Embed again.`,
  );
}

import { z } from "zod";
import type { EmbeddingsInfo } from "../types.js";

const prefix = "codyra.";

const schema = z.object({
  kind: z.enum(["images", "texts"]),
  width: z.coerce.number().int().positive(),
  model: z.string(),
  fingerprint: z.string(),
});

/** As texts under names that begin with `codyra.`, for formats whose metadata are texts. */
export function writeInfo(info: EmbeddingsInfo): Record<string, string> {
  return Object.fromEntries(Object.entries(info).map(([key, value]) => [prefix + key, String(value)]));
}

/** @throws if the metadata are not those that `writeInfo` makes */
export function readInfo(
  metadata: Readonly<Record<string, string | undefined>>,
  path: string,
): EmbeddingsInfo {
  const own = Object.entries(metadata).filter(([key]) => key.startsWith(prefix));
  const parsed = schema.safeParse(
    Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value])),
  );
  if (parsed.success) return parsed.data;
  throw new Error(
    `${path}: expected the model that its vectors are of, got no such metadata. Make it with codyra embed.`,
  );
}

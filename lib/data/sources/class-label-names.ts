import type { FileMetaData } from "hyparquet";
import { z } from "zod";
import { columnPath, fieldOf } from "./parquet-columns.js";

const classLabelSchema = z.object({ _type: z.literal("ClassLabel"), names: z.array(z.string().min(1)) });
const featuresSchema = z.object({ info: z.object({ features: z.record(z.string(), z.unknown()) }) });

/** The names of a label column of `datasets`' type ClassLabel, which the hub keeps beside the data. */
export function declaredNames(
  file: string,
  metadata: FileMetaData,
  column: string,
): readonly string[] | undefined {
  const text = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  if (text === undefined) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new Error(
      `${file}: expected JSON in the metadata "huggingface", got other text. Export it again.`,
      { cause },
    );
  }
  let feature: unknown = featuresSchema.safeParse(content).data?.info.features;
  for (const field of columnPath(metadata, column)) feature = fieldOf(feature, field);
  // A list of labels is `[feature]` in older files and `{ feature }` in newer ones.
  const [item] = Array.isArray(feature) ? feature : [fieldOf(feature, "feature") ?? feature];
  return classLabelSchema.safeParse(item).data?.names;
}

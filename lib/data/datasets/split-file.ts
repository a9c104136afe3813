import { z } from "zod";
import { classNames } from "./class-names.js";
import type { Contents } from "./descriptor.js";
import { readJson } from "./files.js";
import type { FoundLayout } from "./layout.js";

const part = z.array(z.tuple([z.string().min(1), z.int().nonnegative(), z.string()]));
const splitFile = z.object({ train: part, val: part, test: part });

/**
 * Reads a split file of CoOp: `train`, `val` and `test`, each a list of [path, label, class name]. The order
 * of the images is kept.
 * @throws if it has another form, or its training part gives one label two names
 */
export async function readSplitFile(path: string, layout: FoundLayout): Promise<Contents> {
  const parsed = splitFile.safeParse(await readJson(path));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(
      `${path}: expected lists of [path, label, class name] for train, val and test, got at ${issue?.path.join(".") || "the top"}: ` +
        `${issue?.message}. Download CoOp's split file again.`,
    );
  }
  const { train, val, test } = parsed.data;
  const examples = (items: typeof train) => items.map(([image, label]) => layout.image(image, label));
  return {
    classes: classNames(
      path,
      train.map(([, label, name]) => [label, name]),
    ),
    train: examples(train),
    validation: examples(val),
    test: examples(test),
  };
}

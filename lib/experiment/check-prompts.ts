import { classPrompts, type Tokenizer } from "../clip/index.js";
import type { Dataset } from "../data/index.js";
import { scope } from "../torch/index.js";

/**
 * Looks at the prompts of a dataset before its images are decoded.
 * @throws if one has more tokens than the model reads and is not to be cut, naming the dataset
 */
export function checkPrompts(
  tokenizer: Tokenizer,
  { name, classes, templates }: Pick<Dataset, "name" | "classes" | "templates">,
): void {
  try {
    for (const template of templates) scope(() => void tokenizer.encode(classPrompts(classes, template)));
  } catch (error) {
    throw new Error(`Dataset ${name}: ${(error as Error).message}`, { cause: error });
  }
}

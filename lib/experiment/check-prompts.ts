import { equalPrompts, promptTokens, type Tokenizer } from "../clip/index.js";
import { type Dataset, promptKey } from "../data/index.js";
import type { ProtocolName } from "../methods/index.js";

/**
 * Looks at the prompts of a dataset before its images are decoded.
 * @throws if one has more tokens than the model reads and is not to be cut, naming the dataset
 * @throws if two classes of different names have the same tokens
 */
export function checkPrompts(
  tokenizer: Tokenizer,
  { name, classes, templates }: Pick<Dataset, "name" | "classes" | "templates">,
): void {
  let equal: ReturnType<typeof equalPrompts>;
  try {
    equal = equalPrompts(tokenizer, classes, templates);
  } catch (error) {
    throw new Error(`Dataset ${name}: ${(error as Error).message}`, { cause: error });
  }
  // Names that are the same are told by whoever read them: some published datasets have a class twice.
  const merged = equal.find(([first, other]) => promptKey(first) !== promptKey(other));
  if (merged !== undefined) throw new Error(`Dataset ${name}: ${indistinct(...merged)}`);
}

/**
 * Warnings about classes of different datasets whose prompts are the same tokens, as long names are when they
 * are cut. They compete in X-TAIL. Classes of one name are told by `duplicateWarnings`.
 */
export function equalPromptWarnings(
  protocol: ProtocolName,
  tokenizer: Tokenizer,
  datasets: readonly Pick<Dataset, "name" | "classes" | "templates">[],
): string[] {
  if (protocol !== "x-tail") return [];
  const firsts = new Map<string, { readonly dataset: string; readonly className: string }>();
  return datasets.flatMap(({ name: dataset, classes, templates }) => {
    const keys = promptTokens(tokenizer, classes, templates);
    return classes.flatMap((className, i) => {
      const key = keys[i] as string;
      const first = firsts.get(key);
      if (first === undefined) firsts.set(key, { dataset, className });
      if (first === undefined || first.dataset === dataset) return [];
      if (promptKey(first.className) === promptKey(className)) return [];
      return [
        `Prompts of "${ends(first.className)}" (${first.dataset}) and "${ends(className)}" (${dataset}) are the same tokens, ` +
          "so the first one wins every tie. Shorten or rename them.",
      ];
    });
  });
}

/** The message about two classes whose prompts are the same tokens. */
export function indistinct(first: string, other: string): string {
  return (
    `expected prompts that differ, got the same tokens for "${ends(first)}" and "${ends(other)}". ` +
    "Shorten or rename them: a classifier could not tell them apart."
  );
}

/** Both ends of a long name: what tells it apart may be in either. */
function ends(name: string): string {
  return name.length > 60 ? `${name.slice(0, 28)} … ${name.slice(-28)}` : name;
}

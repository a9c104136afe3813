import { UsageError } from "../../options/index.js";
import type { RankHistory } from "../../records/index.js";

type Modules = RankHistory["modules"];

/** Every module of each encoder, such as `vision.q`. */
export function allGroups(adapted: Modules): string[] {
  return [...new Set(adapted.map(({ encoder, target }) => `${encoder}.${target}`))];
}

/**
 * Names of the matrices that a group stands for.
 * @param group an encoder, a module or both, several with `+` between them: `vision.fc+vision.proj`
 * @throws UsageError if there are none
 */
export function matching(group: string, adapted: Modules): Set<string> {
  const names = group.split("+").flatMap((part) => {
    const found = adapted.filter(({ encoder, target }) =>
      [encoder, target, `${encoder}.${target}`].includes(part),
    );
    if (found.length > 0) return found.map(({ name }) => name);
    throw new UsageError(
      `'${part}' is none of the adapted modules: expected ${allGroups(adapted).join(", ") || "a run with adapters"}, an encoder, or a module of both.`,
    );
  });
  return new Set(names);
}

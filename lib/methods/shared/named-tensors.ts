import type { Tensor } from "../../torch/index.js";

/** The tensors under names that begin with a prefix. */
export function withPrefix(
  prefix: string,
  tensors: Iterable<readonly [string, Tensor]>,
): (readonly [string, Tensor])[] {
  return Array.from(tensors, ([name, tensor]) => [prefix + name, tensor] as const);
}

/** Those whose names begin with a prefix, under the rest of their names. */
export function withoutPrefix(
  prefix: string,
  tensors: Iterable<readonly [string, Tensor]>,
): Map<string, Tensor> {
  return new Map(
    Array.from(tensors).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor] as const] : [],
    ),
  );
}

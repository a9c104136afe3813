import type { Changes } from "../../records/index.js";

/** How concentrated an update is: the share of `Σ ‖ΔW‖_F²` in the tenth of the matrices that change most. */
export function concentration({ modules }: Pick<Changes, "modules">): number {
  const squares = modules.map(({ deltaNorm }) => deltaNorm ** 2).toSorted((a, b) => b - a);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const total = sum(squares);
  return total === 0 ? 0 : sum(squares.slice(0, Math.ceil(squares.length / 10))) / total;
}

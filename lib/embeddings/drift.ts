import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { leastSquaresMap, orthogonalMap } from "./alignment.js";
import { nearest } from "./nearest.js";

/** Vectors of the same items before and after an update. */
export interface VectorPair {
  /** Unit vectors `[n, D]`. */
  readonly before: Tensor;
  /** Unit vectors `[n, D]`, row by row of the same items. */
  readonly after: Tensor;
}

/** Whether an index of old vectors serves a new model. Shares are fractions, one for each k. */
export interface IndexDrift {
  readonly ks: readonly number[];
  /** Mean cosine between an item's vectors before and after. */
  readonly cosine: { readonly index: number; readonly queries: number };
  /** Nearest neighbours that stay, when all is embedded anew. */
  readonly rebuilt: readonly number[];
  /** Neighbours of new queries that the old index finds, of those that a new index finds. */
  readonly newOnOld: readonly number[];
  /** Neighbours of old queries that a new index finds, of those that the old index finds. */
  readonly oldOnNew: readonly number[];
  /**
   * As `newOnOld`, with new queries mapped to the old vectors by a matrix that was fitted on part of the
   * index.
   */
  readonly mapped: { readonly orthogonal: readonly number[]; readonly leastSquares: readonly number[] };
  /** Rows that the maps were fitted on. */
  readonly fittedOn: number;
}

/**
 * Measures what an update of a model does to an index that exists.
 * @param index vectors that are searched   @param queries vectors that search
 * @param ks neighbours that are compared; those above the size of the index are left out
 */
export function indexDrift(
  index: VectorPair,
  queries: VectorPair,
  { ks = [1, 10, 100], fitOn = 10_000 }: { readonly ks?: readonly number[]; readonly fitOn?: number } = {},
): IndexDrift {
  const n = index.before.size(0);
  const usable = ks.filter((k) => k <= n);
  const most = Math.max(1, ...usable);
  const find = (vectors: Tensor, asked: Tensor) => nearest(vectors, asked, most);
  return torch.noGrad(() =>
    torch.scope(() => {
      const old = find(index.before, queries.before);
      const renewed = find(index.after, queries.after);
      const fittedOn = Math.min(n, fitOn);
      const stride = Math.floor(n / fittedOn);
      const sample = torch.arange(0, fittedOn * stride, stride);
      const [x, y] = [index.after.indexSelect(0, sample), index.before.indexSelect(0, sample)];
      const mappedBy = (map: Tensor) =>
        kept(renewed, find(index.before, torch.nn.functional.normalize(queries.after.mm(map))), usable);
      return {
        ks: usable,
        cosine: { index: meanCosine(index), queries: meanCosine(queries) },
        rebuilt: kept(old, renewed, usable),
        newOnOld: kept(renewed, find(index.before, queries.after), usable),
        oldOnNew: kept(old, find(index.after, queries.before), usable),
        mapped: {
          orthogonal: mappedBy(orthogonalMap(x, y)),
          leastSquares: mappedBy(leastSquaresMap(x, y)),
        },
        fittedOn,
      };
    }),
  );
}

/** One sentence on what to do with the index. @param enough share of neighbours that is good enough */
export function adviseOnIndex({ ks, newOnOld, mapped }: IndexDrift, enough = 0.95): string {
  const at = ks.length > 1 ? 1 : 0;
  const share = (values: readonly number[]) => values[at] ?? 0;
  const percent = (values: readonly number[]) => `${(100 * share(values)).toFixed(1)} %`;
  const neighbours = `of the ${ks[at]} nearest neighbours`;
  if (share(newOnOld) >= enough) {
    return `Keep the index: new queries find ${percent(newOnOld)} ${neighbours} in it.`;
  }
  const isOrthogonal = share(mapped.orthogonal) >= share(mapped.leastSquares);
  const [name, best] = isOrthogonal
    ? (["orthogonal", mapped.orthogonal] as const)
    : (["least-squares", mapped.leastSquares] as const);
  if (share(best) >= enough) {
    return (
      `Keep the index and map new queries to it: with the ${name} map they find ${percent(best)} ${neighbours}, ` +
      `without it ${percent(newOnOld)}.`
    );
  }
  return (
    `Rebuild the index: new queries find ${percent(newOnOld)} ${neighbours} in the old one, ` +
    `and ${percent(best)} with the ${name} map.`
  );
}

function meanCosine({ before, after }: VectorPair): number {
  return before.mul(after).sum([1]).mean().item();
}

/** Mean share of the first k neighbours of each query that are among the first k of another search. */
function kept(
  wanted: { readonly rows: Int32Array; readonly k: number },
  found: { readonly rows: Int32Array; readonly k: number },
  ks: readonly number[],
): number[] {
  const queries = wanted.rows.length / wanted.k;
  return ks.map((k) => {
    let same = 0;
    for (let query = 0; query < queries; query++) {
      const start = query * wanted.k;
      const among = new Set(found.rows.subarray(start, start + k));
      for (const row of wanted.rows.subarray(start, start + k)) if (among.has(row)) same++;
    }
    return same / (queries * k);
  });
}

import { cat, indexCopy, ones, type Tensor, zeros } from "../torch/index.js";
import { attend, joinHeads, type Mix, splitHeads } from "./attention.js";

/**
 * Causal sequences that begin alike, with the common beginning once. A position of a causal transformer
 * depends on itself and on those before alone. So the beginning gives the same keys and values in all of
 * them.
 *
 * Packed, they are one sequence `[1, P + C·S, width]`: the P positions of the beginning, then the S remaining
 * ones of each of the C sequences. Everything but attention treats positions one by one. So positions behind
 * the end of a sequence, which nothing reads, may be left out: `[1, P + T, width]`.
 */
export class SharedPrefix {
  private readonly mask: Tensor; // [S, P + S], which positions a remaining one may read

  /**
   * @param prefix P   @param count C   @param rest S
   * @param kept int64 `[T]`: which of the C·S remaining positions are computed. Default: all
   */
  constructor(
    private readonly prefix: number,
    private readonly count: number,
    private readonly rest: number,
    device: Tensor["device"],
    private readonly kept?: Tensor,
  ) {
    this.mask = ones([rest, prefix + rest], { dtype: "bool", device }).tril(prefix);
  }

  /** @param beginning `[1, P, width]`   @param rest `[C, S, width]`   @returns `[1, P + T, width]` */
  pack(beginning: Tensor, rest: Tensor): Tensor {
    const all = rest.reshape([1, this.count * this.rest, -1]);
    return cat([beginning, this.kept === undefined ? all : all.indexSelect(1, this.kept)], 1);
  }

  /** Causal attention within each of the sequences. */
  readonly mix: Mix = (qkv, heads) => {
    const { prefix, count, mask } = this;
    const [q, k, v] = splitHeads(qkv.narrow(1, 0, prefix), heads);
    const [restQ, restK, restV] = splitHeads(this.unpackRest(qkv), heads);
    const behindPrefix = (common: Tensor, own: Tensor): Tensor =>
      cat([common.expand([count, -1, -1, -1]), own], 2); // [C, heads, P + S, D]
    const mixed = attend(restQ, behindPrefix(k, restK), behindPrefix(v, restV), { mask });
    return this.pack(joinHeads(attend(q, k, v, { isCausal: true })), joinHeads(mixed));
  };

  /** @param packed `[1, P + T, width]`   @returns `[C, S, width]`, zeros where a position is left out */
  private unpackRest(packed: Tensor): Tensor {
    const { prefix, count, rest, kept } = this;
    const [positions, width] = [count * rest, packed.size(2)];
    const present = packed.narrow(1, prefix, kept?.size(0) ?? positions);
    if (kept === undefined) return present.view([count, rest, width]);
    const { dtype, device } = packed;
    const all = indexCopy(zeros([1, positions, width], { dtype, device }), 1, kept, present);
    return all.view([count, rest, width]);
  }
}

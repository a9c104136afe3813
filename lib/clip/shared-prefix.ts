import { cat, ones, type Tensor } from "../torch/index.js";
import { attend, joinHeads, type Mix, splitHeads } from "./attention.js";

/**
 * Causal sequences that begin alike, with the common beginning once. A position of a causal transformer
 * depends on itself and on those before alone. So the beginning gives the same keys and values in all of
 * them.
 *
 * Packed, they are one sequence `[1, P + C·S, width]`: the P positions of the beginning, then the S remaining
 * ones of each of the C sequences. Everything but attention treats positions one by one.
 */
export class SharedPrefix {
  private readonly mask: Tensor; // [S, P + S], which positions a remaining one may read

  /** @param prefix P   @param count C   @param rest S */
  constructor(
    private readonly prefix: number,
    private readonly count: number,
    private readonly rest: number,
    device: Tensor["device"],
  ) {
    this.mask = ones([rest, prefix + rest], { dtype: "bool", device }).tril(prefix);
  }

  /** @param beginning `[1, P, width]`   @param rest `[C, S, width]`   @returns `[1, P + C·S, width]` */
  pack(beginning: Tensor, rest: Tensor): Tensor {
    return cat([beginning, rest.reshape([1, this.count * this.rest, -1])], 1);
  }

  /** Causal attention within each of the sequences. */
  readonly mix: Mix = (qkv, heads) => {
    const { prefix, count, rest, mask } = this;
    const [q, k, v] = splitHeads(qkv.narrow(1, 0, prefix), heads);
    const ofRest = qkv.narrow(1, prefix, count * rest).view([count, rest, -1]);
    const [restQ, restK, restV] = splitHeads(ofRest, heads);
    const behindPrefix = (common: Tensor, own: Tensor): Tensor =>
      cat([common.expand([count, -1, -1, -1]), own], 2); // [C, heads, P + S, D]
    const mixed = attend(restQ, behindPrefix(k, restK), behindPrefix(v, restV), { mask });
    return this.pack(joinHeads(attend(q, k, v, { isCausal: true })), joinHeads(mixed));
  };
}

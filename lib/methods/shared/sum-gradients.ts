import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

/** Elements that go at once: large enough for the network, small enough to be copied meanwhile. */
const bucketSize = 8 << 20;

/**
 * Adds up the gradients of all processes. Each went back from the same whole loss through the rows that it
 * encoded itself, so the sum is the gradient of one process. A parameter without gradient on every process
 * stays without.
 * @param parameters the same ones on every process, in one order
 * @param isAsked whether this process is asked to stop
 * @returns whether any process is: that goes with what the sum needs anyway
 */
export function sumGradients(parameters: readonly Tensor[], isAsked = false): boolean {
  return torch.noGrad(() =>
    torch.scope(() => {
      const own = parameters.map(({ grad }) => grad);
      const counts = torch.tensor([isAsked, ...own.map((grad) => grad !== undefined)].map(Number));
      torch.distributed.allReduce(counts);
      const [asked, ...holders] = counts.toArray() as number[];
      const trained = parameters.flatMap((parameter, i) =>
        holders[i] === 0 ? [] : [{ parameter, grad: own[i] ?? torch.zerosLike(parameter) }],
      );
      const buckets = inBuckets(trained).map((members) => {
        const flat = flatten(members.map(({ grad }) => grad));
        return { members, flat, work: torch.distributed.startAllReduce(flat) };
      });
      for (const { members, flat, work } of buckets) {
        work.wait();
        let offset = 0;
        for (const { parameter, grad } of members) {
          const size = grad.numel();
          if (!flat.isSameStorage(grad)) grad.copy_(flat.narrow(0, offset, size).view(grad.shape));
          if (parameter.grad === undefined) parameter.grad = grad;
          offset += size;
        }
      }
      return asked !== 0;
    }),
  );
}

interface Trained {
  readonly parameter: Tensor;
  readonly grad: Tensor;
}

function inBuckets(trained: readonly Trained[]): Trained[][] {
  const buckets: Trained[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const each of trained) {
    const own = each.grad.numel();
    if (size + own > bucketSize) {
      buckets.push([]);
      size = 0;
    }
    buckets.at(-1)?.push(each);
    size += own;
  }
  return buckets;
}

/** One tensor by itself is its own flat view: nothing is copied. */
function flatten(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors as [Tensor];
  if (tensors.length === 1 && first.isContiguous()) return first.view([-1]);
  return torch.cat(tensors.map((each) => each.reshape([-1])));
}

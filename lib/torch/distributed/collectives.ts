import { noGrad } from "../autograd.js";
import { bridge } from "../bridge.js";
import { call, handle, id, lazyOperator, wrap } from "../operator.js";
import { zeros } from "../operators.generated.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { failCollective, groupName, isInitialized, worldSize } from "./group.js";

// By group name through the dispatcher, like every other operator. All processes call the same collectives in
// the same order.

const operators = {
  allReduce: lazyOperator("_c10d_functional::all_reduce_", ""),
  broadcast: lazyOperator("_c10d_functional::broadcast_", ""),
  allGather: lazyOperator("_c10d_functional::all_gather_into_tensor", ""),
  wait: lazyOperator("_c10d_functional::wait_tensor", ""),
};

/** How the tensors of all processes become one. */
export type ReduceOperation = "sum" | "avg" | "max" | "min" | "product";

/** A collective in flight: its tensor must neither be read nor released before `wait`. */
export interface Work {
  /** Waits for it, holding up JavaScript. @throws if a process ended, naming its rank and host */
  wait(): void;
  /** Waits for it while the event loop turns. @throws as `wait` */
  done(): Promise<void>;
}

/**
 * Starts to replace a tensor by the sum over all processes, or what else `operation` makes of them; bitwise
 * the same on each.
 * @param tensor contiguous, of one shape and dtype everywhere
 * @throws if it is not contiguous
 */
export function startAllReduce(tensor: Tensor, operation: ReduceOperation = "sum"): Work {
  return start(tensor, "allReduce", () =>
    call(id(operators.allReduce), handle(tensor), operation, groupName),
  );
}

/** The same, and waits for it. */
export function allReduce(tensor: Tensor, operation: ReduceOperation = "sum"): void {
  startAllReduce(tensor, operation).wait();
}

/**
 * Replaces a tensor by that of one process.
 * @param tensor contiguous, of one shape and dtype everywhere   @throws if it is not contiguous
 */
export function broadcast(tensor: Tensor, from = 0): void {
  start(tensor, "broadcast", () => call(id(operators.broadcast), handle(tensor), from, groupName)).wait();
}

/**
 * The tensors of all processes, one after another: of `[n, …]` each, `[worldSize · n, …]`. Without gradient.
 * @param tensor has the same shape and dtype everywhere
 */
export function allGather(tensor: Tensor): Tensor {
  if (!isInitialized()) return tensor.detach().clone();
  return noGrad(() =>
    scope(() => {
      const input = tensor.detach().contiguous();
      const gathered = guarded(() =>
        wrap(call(id(operators.allGather), handle(input), worldSize(), groupName)),
      );
      waitFor(gathered);
      return gathered;
    }),
  );
}

/** Waits until all processes have come to this point, while the event loop turns. */
export async function barrier(): Promise<void> {
  if (!isInitialized()) return;
  const token = scope(() => zeros([1])).keep();
  try {
    await startAllReduce(token).done();
  } finally {
    token.dispose();
  }
}

function start(tensor: Tensor, name: string, issue: () => unknown): Work {
  if (!isInitialized()) return { wait() {}, done: async () => {} };
  if (!tensor.isContiguous()) {
    throw new Error(
      `distributed.${name}: expected a contiguous tensor, got a view [${tensor.shape}] with strides ${tensor.strides()}. Call contiguous() before.`,
    );
  }
  guarded(() => noGrad(() => scope(() => void wrap(issue()))));
  return {
    wait: () => noGrad(() => scope(() => waitFor(tensor))),
    async done() {
      await bridge().waitForCollective(handle(tensor)).catch(failCollective);
    },
  };
}

function waitFor(tensor: Tensor): void {
  guarded(() => wrap(call(id(operators.wait), handle(tensor))));
}

function guarded<T>(collective: () => T): T {
  try {
    return collective();
  } catch (error) {
    return failCollective(error);
  }
}

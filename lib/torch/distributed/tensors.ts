import { noGrad } from "../autograd.js";
import { empty } from "../operators.generated.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import type { DType } from "../types.js";
import { broadcast } from "./collectives.js";
import { rank, worldSize } from "./group.js";
import { broadcastObject } from "./objects.js";

/** Tensors of the first process on the CPU, under their names, as every process gets them. */
export function broadcastTensors(tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  if (worldSize() === 1) return new Map(tensors);
  return noGrad(() =>
    scope(() => {
      const isFirst = rank() === 0;
      const own = isFirst ? Array.from(tensors, ([name, { shape, dtype }]) => ({ name, shape, dtype })) : [];
      const described: { name: string; shape: number[]; dtype: DType }[] = broadcastObject(own);
      return new Map(
        described.map(({ name, shape, dtype }) => {
          // A copy: those of files are views of memory that must not be written.
          const tensor = isFirst
            ? (tensors.get(name) as Tensor).detach().contiguous().clone()
            : empty(shape, { dtype });
          broadcast(tensor);
          return [name, tensor] as const;
        }),
      );
    }),
  );
}

/** Makes tensors what they are on the first process, such as weights that should stay alike. */
export function copyFromFirst(tensors: Iterable<Tensor>): void {
  if (worldSize() === 1) return;
  noGrad(() => {
    for (const tensor of tensors) {
      scope(() => {
        const whole = tensor.detach().contiguous();
        broadcast(whole);
        if (rank() !== 0) tensor.detach().copy_(whole);
      });
    }
  });
}

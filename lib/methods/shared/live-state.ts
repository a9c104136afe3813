import type { Generator, Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { withoutPrefix, withPrefix } from "./named-tensors.js";
import type { StageState } from "./stage.js";
import type { MethodState } from "./types.js";

/** Objects that live as long as a stage and are changed in place. */
export interface LiveParts {
  /** Tensors that the stage changes, and later code reads. */
  readonly tensors?: Readonly<Record<string, Tensor | readonly Tensor[] | undefined>>;
  /** Only while the stage goes on. */
  readonly optimizers?: readonly {
    state(): ReadonlyMap<string, Tensor>;
    loadState(state: ReadonlyMap<string, Tensor>): void;
  }[];
  /** Generators that the stage draws from. */
  readonly generators?: readonly Generator[];
  /** Numbers that the stage counts; they are put back into this object. */
  readonly counters?: Record<string, number | undefined>;
}

/** The state of a stage that changes tensors in place, which is most of them. */
export function liveState({
  tensors = {},
  optimizers = [],
  generators = [],
  counters = {},
}: LiveParts): StageState {
  const named = Object.entries(tensors).flatMap(([name, value]): (readonly [string, Tensor])[] => {
    if (value === undefined) return [];
    return value instanceof torch.Tensor
      ? [[name, value]]
      : (value as readonly Tensor[]).map((tensor, i) => [`${name}.${i}`, tensor]);
  });
  return {
    state(isDone) {
      const moments = (isDone ? [] : optimizers).flatMap((optimizer, i) =>
        withPrefix(`optimizer ${i}/`, optimizer.state()),
      );
      const drawn = generators.map(({ state }, i) => [`generator ${i}`, state] as const);
      return { tensors: new Map([...named, ...moments, ...drawn]), data: { ...counters } };
    },
    loadState(state) {
      for (const [name, tensor] of named) torch.noGrad(() => tensor.copy_(saved(state, name)).dispose());
      for (const [i, optimizer] of optimizers.entries()) {
        const moments = withoutPrefix(`optimizer ${i}/`, state.tensors);
        if (moments.size > 0) optimizer.loadState(moments); // there are none of a stage that is done
      }
      for (const [i, generator] of generators.entries())
        generator.state = saved(state, `generator ${i}`).clone();
      Object.assign(counters, state.data);
    },
  };
}

/** @throws if the tensor is missing: the file is of another version */
function saved({ tensors }: MethodState, name: string): Tensor {
  const tensor = tensors.get(name);
  if (tensor !== undefined) return tensor;
  throw new Error(`expected the tensor '${name}', got ${Array.from(tensors.keys()).join(", ") || "none"}`);
}

import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

/** The images that an iteration learns from. */
export interface Inputs {
  /**
   * Pixels `[B, 3, S, S]`, or unit features `[B, D]` of images that were encoded before. Of several
   * processes, each has the pixels of its own rows only: `torch.distributed.ownRows`.
   */
  readonly images: Tensor;
  /** int64 `[B]`, of the whole batch. */
  readonly labels: Tensor;
}

/** Log entries about an iteration, evaluated only when it is logged. */
export type Describe = () => Record<string, number>;

/**
 * An update of the weights that makes the same calls in every iteration, so that a CUDA graph can repeat it.
 */
export interface RecordableUpdate {
  /**
   * Before an iteration: puts what changes from one to the next, such as the learning rate, into tensors that
   * `apply` reads.
   */
  prepare(iteration: number): Describe;
  /** Changes the weights by their gradients. */
  apply(): void;
}

/** How the weights are changed by their gradients in an iteration. */
export type Update = ((iteration: number) => Describe) | RecordableUpdate;

/** A part of an iteration. */
export interface IterationPart {
  run(batch: Inputs, iteration: number): void;
  /** Other processes take part in it, so that no graph can hold it. */
  readonly isCollective?: boolean;
}

/** Makes a step that is run again and again cheaper: `torch.cuda.captureParts`. */
export type Capture = (
  parts: readonly torch.cuda.StepPart[],
) => Pick<torch.cuda.CapturedStep<unknown>, "replay" | "reason" | "dispose">;

/** The iterations of training on one task. */
export interface Iterations {
  /** The tensors of the batch may be released after it. */
  run(batch: Inputs, iteration: number): Describe;
  dispose(): void;
}

/**
 * Each iteration operator by operator.
 * @param parts from a batch to the gradients, after clearing those of the iteration before
 */
export function plainIterations(parts: readonly IterationPart[], update: Update): Iterations {
  return {
    run: (batch, iteration) =>
      torch.scope(() => {
        const describe = typeof update === "function" ? undefined : update.prepare(iteration);
        for (const part of parts) part.run(batch, iteration);
        if (typeof update === "function") return update(iteration);
        update.apply();
        return describe as Describe;
      }),
    dispose() {},
  };
}

/**
 * Iterations as one captured step, which reads the batch from tensors that stay where they are. Batches of
 * another size than the first one, such as the last of an epoch, go operator by operator.
 * @param parts the same in every iteration
 * @param onFailure told once why the step could not be captured, if so; then it goes operator by operator too
 */
export function capturedIterations(
  parts: readonly IterationPart[],
  update: RecordableUpdate,
  capture: Capture,
  onFailure: (reason: string) => void = () => {},
): Iterations {
  const plain = plainIterations(parts, update);
  let inputs: Inputs | undefined;
  let captured: ReturnType<Capture> | undefined;
  let isTold = false;
  return {
    run(batch, iteration) {
      inputs ??= torch.unscoped(() => ({ images: batch.images.clone(), labels: batch.labels.clone() }));
      if (batch.labels.size(0) !== inputs.labels.size(0)) return plain.run(batch, iteration);
      const fixed = inputs;
      captured ??= capture([
        ...parts.map((part) => ({ run: () => part.run(fixed, 0), isOutside: part.isCollective })),
        { run: () => update.apply() },
      ]);
      return torch.scope(() => {
        fixed.images.copy_(batch.images);
        fixed.labels.copy_(batch.labels);
        const describe = update.prepare(iteration);
        captured?.replay();
        if (captured?.reason !== undefined && !isTold) onFailure(captured.reason);
        isTold = captured?.reason !== undefined;
        return describe;
      });
    },
    dispose() {
      captured?.dispose();
      inputs?.images.dispose();
      inputs?.labels.dispose();
    },
  };
}

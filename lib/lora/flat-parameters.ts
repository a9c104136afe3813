import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";

/** A stretch of a flat tensor: where it begins, and the shape of a view of it. */
export interface Span {
  readonly at: number;
  readonly shape: readonly number[];
}

/** Lays tensors out in a flat one, each behind the one before. */
export class FlatLayout {
  /** Elements taken so far. */
  size = 0;

  take(shape: readonly number[]): Span {
    const at = this.size;
    this.size += torch.numelOf(shape);
    return { at, shape };
  }
}

/**
 * Trained parameters in one flat tensor, and their gradients in another. Clearing them, an optimiser step and
 * saving are one operation each; layers hold views.
 */
export class FlatParameters {
  /** `values.grad` collects the gradients of all views. */
  readonly values: Tensor;

  /** @param values flat; they belong to this object from here on */
  constructor(values: Tensor) {
    this.values = values.keep();
    torch.scope(() => {
      values.grad = torch.zeros(values.shape, { device: values.device });
    });
  }

  /** A trainable view; its gradient accumulates into the flat one. The caller releases it. */
  leaf(span: Span): Tensor {
    return torch.noGrad(() =>
      torch.scope(() => {
        const leaf = viewOf(this.values, span).requiresGrad_().keep();
        leaf.grad = viewOf(this.values.grad as Tensor, span);
        return leaf;
      }),
    );
  }

  /** A view that is not trained. The caller releases it. */
  fixed(span: Span): Tensor {
    return torch.noGrad(() => torch.scope(() => viewOf(this.values, span).keep()));
  }

  /** Fills all gradients with zeros. */
  zeroGrad(): void {
    torch.scope(() => this.values.grad?.zero_());
  }
}

/** The stretch as a view, without a gradient of its own. */
export function viewOf(flat: Tensor, { at, shape }: Span): Tensor {
  return flat.narrow(0, at, torch.numelOf(shape)).view(shape).detach();
}

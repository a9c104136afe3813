import { type AutocastOptions, autocast, currentAutocast } from "./autocast.js";
import { isGradEnabled, noGrad } from "./autograd.js";
import type { Generator } from "./random.js";
import { scope } from "./scope.js";
import type { Tensor } from "./tensor.js";

/** A part of a forward pass, which may run twice and so must compute the same again. */
export type Part = (input: Tensor) => Tensor;

interface Recorded {
  readonly part: Part;
  readonly input: Tensor;
  readonly output: Tensor;
  readonly mode: AutocastOptions;
  readonly states: readonly Tensor[];
}

/**
 * Parts of a forward pass of which only the input is kept. They are computed again in the backward pass,
 * which saves memory and costs time. Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174.
 *
 * libtorch's engine cannot call JavaScript, so a backward pass has two halves: `loss.backward()` reaches the
 * results of the parts, `checkpoints.backward()` goes through the parts. Call both in the scope of the
 * forward pass. Parts may have parts of their own.
 */
export class Checkpoints {
  readonly #recorded: Recorded[] = [];

  /** @param generators those that parts draw from, such as for dropout: they draw the same again */
  constructor(readonly generators: readonly Generator[] = []) {}

  /**
   * Runs `part` on `input`, as a leaf that collects its gradient; plainly where no gradients are recorded.
   */
  run(input: Tensor, part: Part): Tensor {
    if (!isGradEnabled()) return part(input);
    const mode = currentAutocast(input.device);
    const states = this.generators.map(({ state }) => state);
    const output = noGrad(() => scope(() => part(input).detach())).requiresGrad_();
    this.#recorded.push({ part, input, output, mode, states });
    return output;
  }

  /**
   * Takes the gradients that arrived at the results of all parts back to their inputs and to the parameters
   * in them.
   */
  backward(): void {
    this.#recompute(0);
  }

  /** The last part first: its input may be the result of an earlier one. */
  #recompute(kept: number): void {
    while (this.#recorded.length > kept) {
      const recorded = this.#recorded.pop() as Recorded;
      scope(() => {
        const gradient = recorded.output.grad;
        if (gradient === undefined) return; // the loss does not depend on it
        recorded.output.grad = undefined;
        const before = this.#recorded.length;
        const output = this.#repeat(recorded);
        if (output.requiresGrad) output.backward({ gradient });
        this.#recompute(before);
      });
    }
  }

  #repeat({ part, input, mode, states }: Recorded): Tensor {
    const current = this.generators.map(({ state }) => state);
    this.#restore(states);
    try {
      return autocast(mode, () => part(input));
    } finally {
      this.#restore(current);
    }
  }

  #restore(states: readonly Tensor[]): void {
    for (const [i, generator] of this.generators.entries()) generator.state = states[i] as Tensor;
  }
}

import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { BlockExperts } from "./experts.js";

/**
 * AdamW for stacked parameters whose first dimension counts experts. Those without a part in a step are left
 * alone, and so are their moments, as if each had parameters of its own.
 */
export class ExpertAdam {
  readonly #moments: { first: Tensor; second: Tensor }[];
  readonly #steps: Tensor[]; // [experts], per block

  constructor(
    readonly blocks: readonly BlockExperts[],
    readonly options: {
      readonly betas: readonly [number, number];
      readonly eps: number;
      /** Decoupled from the gradient, as in AdamW. */
      readonly weightDecay: number;
    },
  ) {
    const zeros = (tensor: Tensor) => torch.keep(torch.unscoped(() => torch.zerosLike(tensor)));
    this.#moments = blocks.flatMap(({ parameters }) =>
      parameters.map((parameter) => ({ first: zeros(parameter), second: zeros(parameter) })),
    );
    this.#steps = blocks.map(({ stepUse }) => zeros(stepUse));
  }

  /** @param frozen per block, 1 for each expert that must not change, `[experts]` */
  step(learningRate: number, frozen: readonly Tensor[]): void {
    torch.noGrad(() =>
      torch.scope(() => {
        let index = 0;
        for (const [i, block] of this.blocks.entries()) {
          const part = block.stepUse.gt(0).mul(frozen[i]!.eq(0)).float(); // [experts]
          const steps = this.#steps[i]!.add_(part);
          for (const parameter of block.parameters) {
            this.#update(parameter, this.#moments[index++]!, part, steps, learningRate);
          }
          block.stepUse.zero_();
        }
      }),
    );
  }

  /** Everything that a later run needs to go on identically, by name. */
  state(): Map<string, Tensor> {
    const moments = this.#moments.flatMap(({ first, second }, i): [string, Tensor][] => [
      [`${i}.first`, first],
      [`${i}.second`, second],
    ]);
    return new Map([...moments, ...this.#steps.map((steps, i): [string, Tensor] => [`${i}.steps`, steps])]);
  }

  /** Takes over a state of an optimiser of as many blocks of the same shapes. */
  loadState(state: ReadonlyMap<string, Tensor>): void {
    torch.noGrad(() => {
      for (const [name, tensor] of this.state()) tensor.copy_(state.get(name) as Tensor).dispose();
    });
  }

  zeroGrad(): void {
    for (const { parameters } of this.blocks) for (const parameter of parameters) parameter.grad = undefined;
  }

  dispose(): void {
    for (const { first, second } of this.#moments) for (const moment of [first, second]) moment.dispose();
    for (const steps of this.#steps) steps.dispose();
  }

  #update(
    parameter: Tensor,
    { first, second }: { first: Tensor; second: Tensor },
    part: Tensor,
    steps: Tensor,
    learningRate: number,
  ): void {
    const { grad } = parameter;
    if (grad === undefined) return;
    const { betas, eps, weightDecay } = this.options;
    const perExpert = (values: Tensor): Tensor => values.view([-1, ...parameter.shape.slice(1).map(() => 1)]);
    const isPart = perExpert(part);
    if (weightDecay > 0) parameter.sub_(parameter.mul(isPart).mul(learningRate * weightDecay));
    first.add_(grad.sub(first).mul(isPart.mul(1 - betas[0])));
    second.add_(
      grad
        .square()
        .sub(second)
        .mul(isPart.mul(1 - betas[1])),
    );
    const count = steps.clamp(1);
    const correction = (beta: number): Tensor => perExpert(torch.pow(beta, count).neg().add(1));
    const denominator = second.div(correction(betas[1])).sqrt().add(eps);
    parameter.sub_(first.div(correction(betas[0])).div(denominator).mul(isPart).mul(learningRate));
  }
}

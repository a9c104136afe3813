import type { DualEncoder } from "../../clip/index.js";
import type { Generator, Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { type BlockExperts, type ExpertOptions, injectExperts, type Router } from "./experts.js";

/** The experts of all blocks of a model, a router per block and task, and which experts are frozen. */
export class ExpertMixture {
  readonly blocks: readonly BlockExperts[];
  /** Per block, 1 for each expert that must not change, `[experts]`. */
  readonly frozen: readonly Tensor[];

  constructor(model: DualEncoder, options: ExpertOptions, generator: Generator) {
    this.blocks = injectExperts(model, options, generator);
    this.frozen = torch.unscoped(() => this.blocks.map(({ taskUse }) => torch.zerosLike(taskUse).keep()));
  }

  /**
   * Adds the routers of a task and has them trained with the experts.
   * @param generator draws noise and dropout
   */
  beginTask(generator: Generator): void {
    for (const block of this.blocks) {
      block.generator = generator;
      const { weight, noise } = block.addRouter();
      for (const parameter of [weight, noise, ...block.parameters]) parameter.requiresGrad = true;
      block.taskUse.zero_().dispose();
    }
  }

  /** The routers' parameters that the latest task trains. */
  get routers(): Tensor[] {
    return this.blocks.flatMap(({ routers }) => {
      const { weight, noise } = routers.at(-1) as Router;
      return [weight, noise];
    });
  }

  /** The parameters of all experts. */
  get experts(): Tensor[] {
    return this.blocks.flatMap(({ parameters }) => parameters);
  }

  /** Freezes the experts of every block that the latest task used most. */
  freezeMostUsed(count: number): void {
    torch.scope(() => {
      for (const [i, { taskUse }] of this.blocks.entries()) {
        const [, mostUsed] = taskUse.topk(count);
        this.frozen[i]?.indexFill_(0, mostUsed, 1);
      }
    });
  }

  /** As `BlockExperts.use`, in every block. */
  use(router: number | undefined, isTraining: boolean): void {
    for (const block of this.blocks) block.use(router, isTraining);
  }

  /** Everything that was learned, by name. */
  tensors(): Map<string, Tensor> {
    return new Map(
      this.blocks.flatMap(({ parameters, routers }, i): [string, Tensor][] => [
        ...parameters.map((parameter, j): [string, Tensor] => [`experts.${i}.${j}`, parameter]),
        ...routers.flatMap(({ weight, noise }, t): [string, Tensor][] => [
          [`router.${i}.${t}`, weight],
          [`noise.${i}.${t}`, noise],
        ]),
        [`frozen.${i}`, this.frozen[i] as Tensor],
      ]),
    );
  }

  /** Takes over what was learned in as many tasks: copies. */
  load(tasks: number, tensors: ReadonlyMap<string, Tensor>): void {
    for (const block of this.blocks) {
      for (const { weight, noise } of block.routers.splice(tasks)) {
        weight.dispose();
        noise.dispose();
      }
      while (block.routers.length < tasks) block.addRouter();
    }
    torch.noGrad(() => {
      for (const [name, tensor] of this.tensors()) tensor.copy_(tensors.get(name) as Tensor).dispose();
    });
  }

  dispose(): void {
    for (const block of this.blocks) block.dispose();
    for (const frozen of this.frozen) frozen.dispose();
  }
}

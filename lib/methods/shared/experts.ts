import {
  type Block,
  type BlockAdapter,
  type DualEncoder,
  firstPosition,
  type Select,
} from "../../clip/index.js";
import type { Generator, Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

export interface ExpertOptions {
  /** Experts in every block. */
  readonly experts: number;
  /** Experts that a sequence passes through. */
  readonly topK: number;
  /** Width of an expert. */
  readonly bottleneck: number;
  /** Factor of an expert's output. */
  readonly scale: number;
  readonly dropout: number;
  /** The token of a text that chooses its experts. Images always have their class token choose. */
  readonly textRouting: "start" | "end";
}

/** A router and the matrix of its training noise, `[width, experts]` each. */
export interface Router {
  readonly weight: Tensor;
  readonly noise: Tensor;
}

/**
 * The experts of one block and a router per task, beside the feed-forward half: MoE-Adapters,
 * arXiv:2403.11549, section 3.2; `clip/model.py` and `clip/adapter.py` of JiazuoYu/MoE-Adapters4CL.
 *
 * A token r of the sequence h chooses its experts: `q = r R`, in training plus noise `ξ ⊙ (softplus(r N) +
 * 0.01)`; a softmax over the k largest gives the gates. Expert e adds `scale · (W_up dropout(ReLU(W_down h +
 * b_down)) + b_up)`. That token is the first one, which in a causal text is the same whatever follows. The
 * released code's auxiliary loss for the experts' load never reaches the optimiser, and is left out.
 */
export class BlockExperts implements BlockAdapter {
  readonly downWeight: Tensor; // [experts, bottleneck, width]
  readonly downBias: Tensor; // [experts, bottleneck]
  readonly upWeight: Tensor; // [experts, bottleneck, width]
  readonly upBias: Tensor; // [experts, width]
  readonly routers: Router[] = [];
  /** How often each expert was chosen: in the current step, and in the current task. `[experts]` */
  readonly stepUse: Tensor;
  readonly taskUse: Tensor;
  /** Generator of the noise and dropout. */
  generator: Generator;
  #active: Router | undefined;
  #isTraining = false;

  /** @param routing whether the first token of a sequence chooses its experts, or the one that is read out */
  constructor(
    readonly block: Block,
    readonly width: number,
    readonly options: Omit<ExpertOptions, "textRouting">,
    readonly routing: "first" | "pooled",
    generator: Generator,
    readonly device: torch.Device,
  ) {
    this.generator = generator;
    const { experts, bottleneck } = options;
    const bound = 1 / Math.sqrt(width); // Kaiming-uniform with a = √5
    const kept = <T extends Tensor>(tensor: T): T => torch.keep(tensor);
    [this.downWeight, this.downBias, this.upWeight, this.upBias, this.stepUse, this.taskUse] = torch.noGrad(
      () =>
        torch.scope(() => [
          kept(torch.empty([experts, bottleneck, width], { device }).uniform_(-bound, bound, { generator })),
          kept(torch.zeros([experts, bottleneck], { device })),
          kept(torch.zeros([experts, bottleneck, width], { device })),
          kept(torch.zeros([experts, width], { device })),
          kept(torch.zeros([experts], { device })),
          kept(torch.zeros([experts], { device })),
        ]),
    ) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  }

  /** Not in training: noise and dropout are drawn for every position of every sequence. */
  get isPositionwise(): boolean {
    return !this.#isTraining && this.routing === "first";
  }

  /** The parameters of all experts, expert by expert along the first dimension. */
  get parameters(): readonly Tensor[] {
    return [this.downWeight, this.downBias, this.upWeight, this.upBias];
  }

  addRouter(): Router {
    const make = () =>
      torch.keep(
        torch.unscoped(() => torch.zeros([this.width, this.options.experts], { device: this.device })),
      );
    const router = { weight: make(), noise: make() };
    this.routers.push(router);
    return router;
  }

  /**
   * Puts the experts behind one of the routers, with or without noise and dropout; without one, the block is
   * as CLIP has it.
   */
  use(router: number | undefined, isTraining: boolean): void {
    this.#active = router === undefined ? undefined : this.routers[router];
    this.#isTraining = isTraining;
    this.block.adapter = this.#active === undefined ? undefined : this;
  }

  forward(attended: Tensor, at: (positions: Select) => Tensor, pool: Select): Tensor {
    const { topK, scale, dropout, bottleneck } = this.options;
    const token = at(this.routing === "first" ? firstPosition : pool);
    const [gates, chosen] = this.#route(token, this.#active as Router); // [B, k] each
    const batch = gates.size(0);
    const sequences = attended.reshape([batch, -1, this.width]); // [B, L, width], or of what is read out [B, 1, width]
    const pick = (parameter: Tensor): Tensor => parameter.indexSelect(0, chosen.reshape([-1])); // [B·k, …]
    const down = pick(this.downWeight).view([batch, topK * bottleneck, this.width]);
    const downBias = pick(this.downBias).view([batch, 1, topK * bottleneck]);
    const up = pick(this.upWeight).view([batch, topK * bottleneck, this.width]);
    const upBias = pick(this.upBias).view([batch, topK, this.width]);

    let hidden = torch.baddbmm(downBias, sequences, down.transpose(1, 2)).relu(); // [B, L, k·bottleneck]
    if (this.#isTraining && dropout > 0) hidden = this.#dropout(hidden, dropout);
    const gated = hidden.mul(gates.unsqueeze(2).expand([batch, topK, bottleneck]).reshape([batch, 1, -1]));
    const bias = gates.unsqueeze(1).bmm(upBias); // [B, 1, width]
    return torch.baddbmm(bias, gated, up).mul(scale).view(attended.shape);
  }

  dispose(): void {
    this.block.adapter = undefined;
    const ofRouters = this.routers.flatMap(({ weight, noise }) => [weight, noise]);
    for (const tensor of [...this.parameters, this.stepUse, this.taskUse, ...ofRouters]) tensor.dispose();
  }

  #route(token: Tensor, { weight, noise }: Router): [gates: Tensor, chosen: Tensor] {
    let scores = token.mm(weight);
    if (this.#isTraining) {
      const deviation = torch.softplus(token.mm(noise)).add(0.01);
      scores = scores.add(
        torch.randn(scores.shape, { generator: this.generator, device: this.device }).mul(deviation),
      );
    }
    const [largest, chosen] = scores.topk(this.options.topK);
    if (this.#isTraining) {
      torch.noGrad(() => {
        const columns = torch.arange(this.options.experts, { device: this.device });
        const use = chosen.reshape([-1, 1]).eq(columns).sum([0]); // bincount would wait for the device
        this.stepUse.add_(use);
        this.taskUse.add_(use);
      });
    }
    return [largest.softmax(-1), chosen];
  }

  #dropout(hidden: Tensor, rate: number): Tensor {
    const kept = torch.rand(hidden.shape, { generator: this.generator, device: this.device }).ge(rate);
    return hidden.mul(kept).div(1 - rate);
  }
}

/** The experts of every block of both towers. */
export function injectExperts(
  model: DualEncoder,
  options: ExpertOptions,
  generator: Generator,
): BlockExperts[] {
  return (["vision", "text"] as const).flatMap((tower) => {
    const { width } = model.config[tower];
    const routing = tower === "text" && options.textRouting === "end" ? "pooled" : "first";
    return model[tower].encoder.blocks.map(
      (block) => new BlockExperts(block, width, options, routing, generator, model.device),
    );
  });
}

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

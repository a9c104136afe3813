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

  /** @param routing the token that chooses a sequence's experts: the first, or the one that is read out */
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

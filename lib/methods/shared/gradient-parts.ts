import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import type { IterationPart } from "./iteration.js";
import type { LossMeter } from "./loss-meter.js";
import type { Stage } from "./stage.js";
import { sumGradients } from "./sum-gradients.js";
import type { PreparedLoss } from "./task-loss.js";

/** The loss, its further terms and the parameters of an iteration. */
export interface GradientSources {
  readonly loss: PreparedLoss;
  /** Counts the losses. */
  readonly meter: LossMeter;
  readonly checkpoints: torch.Checkpoints;
  /** Another term of the loss, if there is one. */
  penalty(iteration: number): Tensor | undefined;
  readonly parameters: readonly Tensor[];
  zeroGrad(): void;
  /** It says whether this process is asked to stop. */
  readonly stage: Pick<Stage, "isAsked">;
}

/** From a batch to the gradients: the work of a process, and between it what processes tell each other. */
export class GradientParts {
  /** Some process was asked to stop before the latest sum of gradients. One process has no sum. */
  isAnyAsked: boolean | undefined;

  constructor(private readonly sources: GradientSources) {}

  all(): IterationPart[] {
    const { loss, meter, checkpoints, penalty, parameters, zeroGrad, stage } = this.sources;
    const encode: IterationPart = {
      run(batch) {
        zeroGrad();
        loss.encode(batch);
      },
    };
    const share: IterationPart = { run: (batch) => loss.share(batch), isCollective: true };
    const goBack: IterationPart = {
      run(batch, iteration) {
        const { loss: own, penalty: ofTexts } = loss.of(batch, iteration);
        const whole = meter.add(own, [ofTexts, penalty(iteration)]);
        if (whole.requiresGrad) whole.backward(); // a process without rows has nothing to go back through
        checkpoints.backward();
      },
    };
    if (!torch.distributed.isInitialized()) return [encode, goBack];
    const sum: IterationPart = {
      run: () => {
        this.isAnyAsked = sumGradients(parameters, stage.isAsked);
      },
      isCollective: true,
    };
    return [encode, share, goBack, sum];
  }
}

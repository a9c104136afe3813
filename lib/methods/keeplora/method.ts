import type { Task } from "../../data/index.js";
import { applyUpdates, measureUpdates } from "../../lora/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { begun } from "../shared/begun.js";
import { checkFinite } from "../shared/check-finite.js";
import { numel } from "../shared/cost.js";
import { DatasetHeads } from "../shared/dataset-heads.js";
import { attentionLayers } from "../shared/layer-inputs.js";
import { liveState } from "../shared/live-state.js";
import { withPrefix } from "../shared/named-tensors.js";
import { disposeFactors, ProtectedInputs } from "../shared/protected-inputs.js";
import { ResidualAdapters } from "../shared/residual-adapters.js";
import type { Factors } from "../shared/subspace.js";
import { taskGradient } from "../shared/task-gradient.js";
import { taskSeed, train } from "../shared/training.js";
import type {
  Classifier,
  ContinualMethod,
  LabelSpace,
  MethodHead,
  MethodState,
  RunContext,
} from "../shared/types.js";
import { zeroShotHead } from "../shared/zero-shot-classifier.js";
import { hasHeads, isPlusPlus, type KeepLoraOptions } from "./options.js";
import { iterationsOf, scheduleOf } from "./schedule.js";
import { updateScale } from "./update-scale.js";

/** A task: the subspace for its updates is chosen, B learns, updates are merged, inputs are protected. */
export class KeepLora implements ContinualMethod {
  readonly name = "keeplora";
  readonly isParallel = true;
  readonly #inputs = new ProtectedInputs();
  readonly #heads = new DatasetHeads();
  #adapters: ResidualAdapters | undefined;

  constructor(readonly options: KeepLoraOptions) {}

  /** Steps 1 to 4: the task's gradient outside of the protected subspace says where updates may go. */
  async beginTask(task: Task, context: RunContext): Promise<void> {
    const { model } = context;
    const { batchSize, accumulate, gradient, checkpointing, rank, svd, epsW, weightSide, weightShare } =
      this.options;
    if (this.#inputs.isEmpty) {
      // Before the first task, when the model is the pre-trained one.
      await this.#inputs.addWeights(context, { share: epsW, rule: weightShare, side: weightSide });
    }
    const places = attentionLayers(model);
    await torch.scope(async () => {
      const { gradients, classMeans } = await taskGradient(
        task,
        context,
        places.map(({ linear }) => linear),
        {
          batchSize: Math.ceil(batchSize / accumulate),
          seed: taskSeed(context),
          gradient,
          checkpointing,
          classMeans: hasHeads(this.options),
        },
      );
      const how = svd === "exact" ? svd : { generator: torch.generator(taskSeed(context)) };
      const factors = await this.#inputs.residualFactors(gradients, context, rank, how);
      this.#adapters = new ResidualAdapters(
        places,
        ({ name, encoder, layer }) => {
          const { left, right } = factors.get(name) as Factors;
          return {
            loraA: left.t(),
            loraB: right.t(),
            scale: updateScale(this.options, encoder, layer, model.config[encoder].layers),
          };
        },
        { rank, keepsInitial: !isPlusPlus(this.options) },
      );
      disposeFactors(factors);
      if (classMeans !== undefined) this.#heads.begin(classMeans, model.logitScale);
    });
  }

  async trainTask(task: Task, context: RunContext) {
    const { options } = this;
    const adapters = begun(this.#adapters, "keeplora");
    const head = this.#heads.trained;
    const total = iterationsOf(options, task);
    const schedule = scheduleOf(options, total);
    const parameters = [adapters.parameters, ...(head === undefined ? [] : [head])];
    const { betas, eps, weightDecay } = options;
    const optimizer = new torch.optim.AdamW(parameters, { betas, eps, weightDecay });
    try {
      const loss = await train(task, context, {
        options: { ...options, iterations: total },
        encoders: "both",
        crops: options.crops,
        parameters,
        state: liveState({ tensors: { parameters }, optimizers: [optimizer] }),
        classFeatures: (texts) => this.#heads.joined(texts),
        zeroGrad() {
          adapters.zeroGrad();
          if (head !== undefined) head.grad = undefined;
        },
        update(iteration) {
          const { learningRate, beta1 } = schedule(iteration);
          optimizer.learningRate = learningRate;
          optimizer.betas = [beta1, betas[1]];
          optimizer.step();
          adapters.decayTowardsZero(learningRate * weightDecay);
          return () => ({ learningRate });
        },
      });
      const trainableParameters = numel(parameters);
      return { iterations: total, loss, trainableParameters };
    } catch (error) {
      this.#removeAdapters(); // the model is as it was before the task
      throw error;
    } finally {
      optimizer.dispose();
    }
  }

  /**
   * Steps 6 and 7: the update becomes part of the weights, and what the layers read in this task is protected
   * from now on.
   */
  async endTask(task: Task, context: RunContext): Promise<void> {
    const adapters = begun(this.#adapters, "keeplora");
    checkFinite(adapters.parameters, task, () => this.#removeAdapters());
    torch.scope(() => {
      const updates = adapters.updates();
      const changes = measureUpdates(context.model, updates, adapters.modules);
      this.#heads.keep(task.name);
      this.#removeAdapters();
      applyUpdates(context.model, updates);
      const { rank } = this.options;
      context.record({ rank, modules: changes, active: adapters.ranks, updates });
    });
    await this.#protectFeatures(task, context);
  }

  classifier(labels: LabelSpace, context: RunContext): Classifier {
    const scoresOf = this.featureClassifier(labels, context);
    return (pixels) =>
      torch.inferenceMode(() => torch.scope(() => scoresOf(context.model.encodeImage(pixels))));
  }

  featureClassifier(labels: LabelSpace, { model }: RunContext): Classifier {
    const groups = labels.groups.map(({ templates, ...group }) => ({
      ...group,
      templates: this.options.testTemplates === "all" ? templates : templates.slice(0, 1),
    }));
    const logitsOf = zeroShotHead({ groups }, model);
    // A head speaks where its dataset is the only candidate.
    const scoresOf = groups.length === 1 ? this.#heads.scorer(groups[0]?.name ?? "") : undefined;
    return (features) =>
      torch.inferenceMode(() =>
        torch.scope(() => {
          const logits = logitsOf(features);
          return scoresOf === undefined ? logits : logits.add(scoresOf(features));
        }),
      );
  }

  state(): MethodState {
    const { bases } = this.#inputs;
    const { learned } = this.#heads;
    return {
      tensors: new Map([...withPrefix("basis.", bases), ...withPrefix("head.", learned)]),
      data: { bases: [...bases.keys()], heads: [...learned.keys()] },
    };
  }

  loadState({ tensors, data }: MethodState): void {
    const saved = (kind: string, names: unknown): [string, Tensor][] =>
      ((names as string[] | undefined) ?? []).map((name) => [name, tensors.get(`${kind}.${name}`) as Tensor]);
    this.#inputs.load(new Map(saved("basis", data.bases)));
    this.#heads.load(saved("head", data.heads));
  }

  get stateAfter(): ContinualMethod["stateAfter"] {
    if (!hasHeads(this.options)) return undefined; // the weights say everything
    return (tasks, { tensors, data }) => {
      const heads = ((data.heads as string[] | undefined) ?? []).slice(0, tasks);
      return { tensors, data: { ...data, heads } };
    };
  }

  get head(): MethodHead | undefined {
    if (!hasHeads(this.options)) return undefined;
    return {
      scores: "logits",
      readsPretrained: false,
      take({ tensors, data: { heads } }) {
        const taken = Array.from(tensors).filter(([name]) => name.startsWith("head."));
        return { tensors: new Map(taken), data: { heads } };
      },
      open: (_setting, taken) => this.loadState(taken),
    };
  }

  dispose(): void {
    this.#removeAdapters();
    this.#inputs.dispose();
    this.#heads.dispose();
  }

  #removeAdapters(): void {
    this.#adapters?.remove();
    this.#adapters = undefined;
    this.#heads.drop();
  }

  async #protectFeatures(task: Task, context: RunContext): Promise<void> {
    const { batchSize, accumulate, features, textPositions, epsF } = this.options;
    await this.#inputs.addFeatures(task, context, epsF, {
      batchSize: features === "slot-mean" ? batchSize : Math.ceil(batchSize / accumulate),
      seed: taskSeed(context),
      features,
      textPositions,
    });
    const [vision, text] = (["vision", "text"] as const).map((encoder) =>
      this.#inputs.protectedPart(context.model, encoder),
    );
    context.log({ kind: "protected", task: context.taskIndex, dataset: task.name, vision, text });
  }
}

/*
 * MoE-Adapters, "Boosting Continual Learning of Vision-Language Models via Mixture-of-Experts Adapters",
 * arXiv:2403.11549; original code: JiazuoYu/MoE-Adapters4CL.
 *
 *     h' = h + MLP(LN(h)) + Σ_e g_e A_e(h),   g = softmax of the two largest of r R_t
 *     A_e(h) = scale (W_up ReLU(W_down h + b_down) + b_up)
 *
 * The sum joins every block of a frozen CLIP, with the state r of the first token. Each task has a router
 * R_t, and all share the experts e. Those that a task used most are frozen after it. Trained as in
 * `finetune`. At test time an autoencoder per task says which router to use, or none: `BlockExperts` and
 * `DomainAutoencoders` have the equations in full. The released code trains both for one iteration more.
 */

import { z } from "zod";
import type { DualEncoder } from "../clip/index.js";
import type { Task } from "../data/index.js";
import { code, paper } from "../options/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { begun } from "./shared/begun.js";
import { bytesPerValue, numel, trainingCopies } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import {
  autoencoderShapes,
  DomainAutoencoders,
  domainAutoencoderShape,
  withDecay,
} from "./shared/domain-autoencoders.js";
import {
  alexnetFeatureCount,
  carriedFeatures,
  checkDomainFeatures,
  type DomainFeatures,
  domainFeatures,
} from "./shared/domain-features.js";
import { ExpertAdam } from "./shared/expert-adam.js";
import { ExpertMixture } from "./shared/expert-mixture.js";
import { injectExperts } from "./shared/experts.js";
import { fullFineTuningShape, withWarmup } from "./shared/full-fine-tuning.js";
import { liveState } from "./shared/live-state.js";
import { perExpert, routedScores } from "./shared/routing.js";
import { sum } from "./shared/sums.js";
import { taskSeed, train } from "./shared/training.js";
import type {
  Classifier,
  ContinualMethod,
  LabelSpace,
  MethodHead,
  MethodState,
  RunContext,
} from "./shared/types.js";
import { zeroShotHead } from "./shared/zero-shot-classifier.js";

const schema = z
  .strictObject({
    ...fullFineTuningShape,
    iterations: fullFineTuningShape.iterations.meta({ source: "code" }),
    learningRate: fullFineTuningShape.learningRate.default(1e-3),
    learningRates: fullFineTuningShape.learningRates.default({
      aircraft: 8e-3,
      caltech101: 5e-4,
      cifar100: 2e-4,
      dtd: 5e-3,
      food101: 1e-2,
      mnist: 1e-4,
      oxford_pets: 1e-2,
      stanford_cars: 1e-2,
      sun397: 1e-2,
    }),
    crops: z
      .enum(["fixed", "fresh"])
      .default("fixed")
      .meta(
        code(
          "crop of an image: the same whenever it comes, as in the published few-shot code, or a fresh one",
        ),
      ),
    experts: z.int().min(2).default(22).meta(paper("experts in every block")),
    topK: z.int().positive().default(2).meta(paper("experts that a sequence passes through")),
    bottleneck: z.int().positive().default(64).meta(code("width of an expert")),
    scale: z.number().positive().default(0.1).meta(code("factor of an expert's output")),
    dropout: z.number().min(0).lt(1).default(0.1).meta(code("dropout inside experts")),
    textRouting: z
      .enum(["start", "end"])
      .default("start")
      .meta(
        code("token that chooses a text's experts; the start token, as published, is the same for all texts"),
      ),
    frozenPerTask: z
      .int()
      .nonnegative()
      .default(2)
      .meta(code("most used experts that are frozen after a task")),
    ddas: z
      .strictObject(domainAutoencoderShape)
      .prefault({})
      .meta(paper("autoencoders that choose the router")),
  })
  .refine(({ experts, topK, frozenPerTask }) => Math.max(topK, frozenPerTask) <= experts, {
    error: "expected no more than there are experts",
    path: ["topK"],
  });

export const moeAdapter = defineMethod({
  name: "moe-adapter",
  label: "MoE-Adapter",
  summary: "frozen CLIP with a mixture of experts, a router per task and autoencoders that choose it",
  schema,
  complete: (given, protocol) => ({ ...withWarmup(given), ddas: withDecay(given.ddas, protocol) }),
  create: (options) => new MoeAdapter(options),
  cost(model, { tasks }) {
    const options = schema.parse({});
    const blocks = injectExperts(model, options, torch.generator(0));
    const count = blocks.map((block) => {
      const { weight, noise } = block.addRouter();
      return { experts: numel(block.parameters), router: numel([weight]), noise: numel([noise]) };
    });
    for (const block of blocks) block.dispose();
    const [experts, router, noise] = (["experts", "router", "noise"] as const).map((part) =>
      sum(count.map((block) => block[part])),
    ) as [number, number, number];
    const features = alexnetFeatureCount(model.config.vision.imageSize);
    const autoencoder = sum(autoencoderShapes(features, options.ddas.code).map(torch.numelOf));
    return {
      trainable: experts + tasks * (router + noise) + autoencoder,
      inference: (experts * options.topK) / options.experts + router + noise + autoencoder,
      stored: experts + tasks * router + (tasks + 1) * autoencoder,
      trainingBytes:
        bytesPerValue *
        (experts + tasks * (router + noise + autoencoder) + trainingCopies * (experts + router + noise)),
      explanation:
        "Trainable: the experts of all blocks, a router and a noise matrix per task, and the autoencoder of one task. " +
        "Inference, counted as in the paper: two experts per block, a router, its noise matrix (which nothing reads then) and an autoencoder. " +
        "Stored: all experts, a router per task, and an autoencoder per task and for the reference data; AlexNet, which they read, comes on top. " +
        "The paper's 59.8M is for 11 tasks, and its 13.35M the sum of rounded parts.",
    };
  },
});

class MoeAdapter implements ContinualMethod {
  readonly name = "moe-adapter";
  readonly keepsWeights = true;
  readonly needsClassToken = true;
  #mixture: ExpertMixture | undefined;
  #tasks: string[] = [];
  #selector: DomainAutoencoders | undefined;

  constructor(readonly options: z.infer<typeof schema>) {}

  checkNeeds(): void {
    checkDomainFeatures(this.options.ddas.features);
  }

  async beginRun({ model, seed }: RunContext): Promise<void> {
    this.#prepare(model, seed, domainFeatures(this.options.ddas.features, model));
  }

  #prepare(model: DualEncoder, seed: number, features: DomainFeatures): void {
    this.#selector = new DomainAutoencoders(features, this.options.ddas);
    model.requiresGrad_(false);
    this.#mixture = new ExpertMixture(model, this.options, torch.generator(seed, model.device));
  }

  async beginTask(task: Task, context: RunContext): Promise<void> {
    if (this.#tasks.length === 0) await this.#selector?.trainReference(context);
    this.#tasks.push(task.name);
    const mixture = begun(this.#mixture, this.name);
    mixture.beginTask(torch.generator(taskSeed(context), context.model.device));
    mixture.use(this.#tasks.length - 1, true);
  }

  async trainTask(task: Task, context: RunContext) {
    const { iterations, warmup, betas, eps, weightDecay, learningRate, learningRates, crops } = this.options;
    const schedule = torch.optim.cosineSchedule({
      learningRate: learningRates[task.name] ?? learningRate,
      total: iterations,
      warmup,
    });
    const { blocks, routers, experts, frozen } = begun(this.#mixture, this.name);
    const trained = [...routers, ...experts];
    const routerOptimizer = new torch.optim.AdamW(routers, { betas, eps, weightDecay });
    const expertOptimizer = new ExpertAdam(blocks, { betas, eps, weightDecay });
    try {
      const loss = await train(task, context, {
        options: this.options,
        encoders: "both",
        crops,
        generator: blocks[0]?.generator,
        parameters: trained,
        state: liveState({
          tensors: { parameters: trained, uses: blocks.map(({ taskUse }) => taskUse) },
          optimizers: [routerOptimizer, expertOptimizer],
        }),
        zeroGrad: () => {
          routerOptimizer.zeroGrad();
          expertOptimizer.zeroGrad();
        },
        update: (iteration) => {
          const rate = schedule(iteration);
          routerOptimizer.learningRate = rate;
          routerOptimizer.step();
          expertOptimizer.step(rate, frozen);
          return () => ({ learningRate: rate });
        },
      });
      return { iterations, loss, trainableParameters: numel(trained) };
    } finally {
      for (const optimizer of [routerOptimizer, expertOptimizer]) {
        optimizer.zeroGrad();
        optimizer.dispose();
      }
      for (const parameter of trained) parameter.requiresGrad = false;
    }
  }

  async endTask(task: Task, context: RunContext): Promise<void> {
    this.#mixture?.freezeMostUsed(this.options.frozenPerTask);
    this.#mixture?.use(undefined, false);
    const { iterations } = this.options.ddas;
    await this.#selector?.train(task.name, task.train, iterations, context, taskSeed(context));
  }

  classifier(labels: LabelSpace, { model }: RunContext): Classifier {
    const headOf = perExpert((_router: number | undefined) => zeroShotHead(labels, model));
    const scoresWith = (router: number | undefined, pixels: Tensor): Tensor => {
      this.#mixture?.use(router, false);
      try {
        return headOf(router)(model.encodeImage(pixels));
      } finally {
        this.#mixture?.use(undefined, false);
      }
    };
    return (pixels, dataset) =>
      torch.inferenceMode(() =>
        torch.scope(() => {
          const routers = (this.#selector as DomainAutoencoders).assign(pixels, dataset).map((domain) => {
            const router = this.#tasks.indexOf(domain ?? "");
            return router < 0 ? undefined : router; // CLIP alone, also for the domain of the reference data
          });
          return routedScores(pixels, routers, scoresWith);
        }),
      );
  }

  evaluationNotes() {
    return { domainErrors: this.#selector?.takeErrors() };
  }

  state(): MethodState {
    const tensors = new Map([...(this.#selector?.tensors() ?? []), ...(this.#mixture?.tensors() ?? [])]);
    return { tensors, data: { tasks: this.#tasks, domains: this.#selector?.domains ?? [] } };
  }

  loadState({ tensors, data }: MethodState): void {
    this.#tasks = [...((data.tasks as string[] | undefined) ?? [])];
    this.#selector?.load((data.domains as string[] | undefined) ?? [], tensors);
    this.#mixture?.load(this.#tasks.length, tensors);
  }

  /** Experts are shared: later tasks have changed them. */
  stateAfter(): undefined {
    return undefined;
  }

  readonly head: MethodHead = {
    scores: "logits",
    readsPretrained: false,
    take: ({ tensors, data }) => ({
      tensors: new Map([...tensors, ...carriedFeatures(this.options.ddas.features)]),
      data,
    }),
    open: ({ model, seed }, taken) => {
      this.#prepare(model, seed, domainFeatures(this.options.ddas.features, model, taken.tensors));
      this.loadState(taken);
    },
  };

  dispose(): void {
    this.#mixture?.dispose();
    this.#selector?.dispose();
  }
}

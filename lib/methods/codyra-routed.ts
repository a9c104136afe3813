/*
 * CoDyRA with the weights of every task kept, "Ours†" in tables 1 and 2 of arXiv:2412.01004. It is not
 * published, but inferred from the tables: docs/specification.md, section 2.5.
 *
 *     θ_j = θ_0 + Σ_{i ≤ j} B_i diag(w_i) A_i
 *     scores(x) = scores of θ_j where x is attributed to the learned dataset j, else of θ_t
 *
 * after task t. Where the protocol tells the dataset, attribution is exact; else the best guess of a
 * zero-shot gate tells it, or autoencoders.
 */

import { z } from "zod";
import type { DualEncoder } from "../clip/index.js";
import type { Task } from "../data/index.js";
import type { Tensor } from "../torch/index.js";
import * as torch from "../torch/index.js";
import { codyraDefaults, codyraSchema, createCodyra } from "./codyra.js";
import { adapterBytes, adapterSize, bytesPerValue } from "./shared/cost.js";
import { defineMethod } from "./shared/definition.js";
import { DomainAutoencoders, domainAutoencoderShape, withDecay } from "./shared/domain-autoencoders.js";
import { carriedFeatures, checkDomainFeatures, domainFeatures } from "./shared/domain-features.js";
import { perExpert, routedScores } from "./shared/routing.js";
import { refuseFirstTexts } from "./shared/statistics-replay.js";
import { TaskModels } from "./shared/task-models.js";
import { taskSeed } from "./shared/training.js";
import type {
  Classifier,
  ContinualMethod,
  LabelSpace,
  MethodHead,
  MethodState,
  RunContext,
  TrainSummary,
} from "./shared/types.js";
import { zeroShotHead } from "./shared/zero-shot-classifier.js";

const ownShape = {
  router: z
    .enum(["zero-shot", "ddas", "oracle"])
    .default("zero-shot")
    .describe("rule that assigns an image of unknown dataset to a task; oracle is an upper bound"),
  gateModel: z
    .enum(["current", "frozen"])
    .default("current")
    .describe(
      "whose zero-shot guess the router zero-shot takes: the updated model's, or the pre-trained one's",
    ),
  ddas: z.strictObject(domainAutoencoderShape).prefault({}).describe("autoencoders of the router ddas"),
} as const;

const schema = codyraSchema.safeExtend(ownShape);

export const codyraRouted = defineMethod({
  name: "codyra-routed",
  label: "CoDyRA†",
  summary: "CoDyRA, each image classified with the weights of the task it is attributed to",
  schema,
  complete: (given, protocol) => ({
    ...codyraDefaults(given, protocol),
    ddas: withDecay(given.ddas, protocol),
  }),
  create(options, protocol) {
    const { router: _router, gateModel: _model, ddas: _ddas, ...rest } = options;
    refuseFirstTexts("codyra-routed", options.replay);
    return new RoutedCodyra(createCodyra(rest, protocol), options);
  },
  cost(model, { tasks }) {
    const { factors, importance } = adapterSize(model);
    return {
      trainable: factors + importance,
      inference: factors,
      stored: tasks * factors,
      trainingBytes:
        adapterBytes(factors + importance) +
        bytesPerValue * (tasks * model.numParameters() + (tasks - 1) * factors),
      explanation:
        "As codyra, with the factors of every task kept: at most these, because only surviving ranks are. " +
        "While a run lasts, they are held as one model per task.",
    };
  },
});

class RoutedCodyra implements ContinualMethod {
  readonly name = "codyra-routed";
  readonly replaysStatistics: boolean | undefined;
  readonly #base: ContinualMethod;
  readonly #models = new TaskModels();
  #autoencoders: DomainAutoencoders | undefined;

  constructor(
    base: ContinualMethod,
    readonly options: z.output<typeof schema>,
  ) {
    this.#base = base;
    this.replaysStatistics = base.replaysStatistics;
  }

  checkNeeds(given: { readonly hasReference: boolean }): void {
    this.#base.checkNeeds?.(given);
    const { router, ddas } = this.options;
    if (router === "ddas") checkDomainFeatures(ddas.features);
  }

  async beginRun(context: RunContext): Promise<void> {
    this.#prepare(context.model);
    await this.#base.beginRun?.(context);
  }

  /** @param carried tensors of the autoencoders' features, if they came with a head */
  #prepare(pretrained: DualEncoder, carried?: MethodState["tensors"]): void {
    this.#models.begin(pretrained);
    const { router, ddas } = this.options;
    if (router !== "ddas") return;
    const features = domainFeatures(ddas.features, this.#models.pretrained, carried);
    this.#autoencoders = new DomainAutoencoders(features, ddas);
  }

  async beginTask(task: Task, context: RunContext): Promise<void> {
    if (this.#models.tasks.length === 0) await this.#autoencoders?.trainReference(context);
    await this.#base.beginTask(task, context);
  }

  trainTask(task: Task, context: RunContext): Promise<TrainSummary> {
    return this.#base.trainTask(task, context);
  }

  async endTask(task: Task, context: RunContext): Promise<void> {
    await this.#base.endTask(task, {
      ...context,
      record: (change) => {
        context.record(change);
        this.#models.learn(task.name, change.updates);
      },
    });
    const { iterations } = this.options.ddas;
    await this.#autoencoders?.train(task.name, task.train, iterations, context, taskSeed(context));
  }

  classifier(labels: LabelSpace, { model }: RunContext): Classifier {
    const classifierAfter = perExpert((task: number | undefined) =>
      classifierOf(task === undefined ? model : this.#models.after(task), labels),
    );
    const scoresOf = (task: number | undefined, pixels: Tensor): Tensor => classifierAfter(task)(pixels);
    const gate =
      this.options.gateModel === "frozen"
        ? classifierOf(this.#models.pretrained, labels)
        : (pixels: Tensor) => scoresOf(undefined, pixels);
    return (pixels, dataset) =>
      torch.inferenceMode(() =>
        torch.scope(() => routedScores(pixels, this.#assign(pixels, labels, dataset, gate), scoresOf)),
      );
  }

  evaluationNotes() {
    return { domainErrors: this.#autoencoders?.takeErrors() };
  }

  state(): MethodState {
    const { tensors, data } = this.#models.state();
    const base = this.#base.state();
    return {
      tensors: new Map([...(this.#autoencoders?.tensors() ?? []), ...tensors, ...base.tensors]),
      data: {
        ...data,
        domains: this.#autoencoders?.domains ?? [],
        ...(this.replaysStatistics && { base: base.data }),
      },
    };
  }

  loadState(state: MethodState): void {
    this.#models.loadState(state);
    const base = state.data.base as MethodState["data"] | undefined; // nothing that classifies reads it
    if (base !== undefined) this.#base.loadState({ tensors: state.tensors, data: base });
    this.#autoencoders?.load((state.data.domains as string[] | undefined) ?? [], state.tensors);
  }

  stateAfter(tasks: number, { tensors, data }: MethodState): MethodState {
    const { tasks: names = [], domains = [] } = data as { tasks?: string[]; domains?: string[] };
    const kept = names.slice(0, tasks);
    const lost = names.slice(tasks);
    // That of the reference data stays.
    return {
      tensors,
      data: { ...data, tasks: kept, domains: domains.filter((domain) => !lost.includes(domain)) },
    };
  }

  /** None of the oracle, which is told where an image comes from. */
  get head(): MethodHead | undefined {
    const { router, ddas } = this.options;
    if (router === "oracle") return undefined;
    return {
      scores: "logits",
      readsPretrained: true,
      take: ({ tensors, data }) => ({
        tensors: new Map([...tensors, ...(router === "ddas" ? carriedFeatures(ddas.features) : [])]),
        data,
      }),
      open: ({ pretrained }, taken) => {
        this.#prepare(pretrained, taken.tensors);
        this.loadState(taken);
      },
    };
  }

  dispose(): void {
    this.#base.dispose?.();
    this.#models.dispose();
    this.#autoencoders?.dispose();
  }

  /** The task whose weights each image is classified with; `undefined` for the current ones. */
  #assign(
    pixels: Tensor,
    { groups }: LabelSpace,
    dataset: string | undefined,
    gate: (pixels: Tensor) => Tensor,
  ): (number | undefined)[] {
    const taskOf = (name: string | undefined): number | undefined => {
      const task = this.#models.tasks.indexOf(name ?? "");
      return task < 0 ? undefined : task;
    };
    const all = (name: string | undefined) => Array.from({ length: pixels.size(0) }, () => taskOf(name));
    if (groups.length === 1) return all(groups[0]?.name); // the protocol tells the dataset
    if (this.options.router === "oracle") return all(dataset);
    if (this.#autoencoders !== undefined) return this.#autoencoders.assign(pixels, dataset).map(taskOf);
    const names = groups.flatMap(({ name, classes }) => classes.map(() => name));
    const guesses = torch.scope(() => gate(pixels).argmax(1).toArray() as bigint[]);
    return guesses.map((column) => taskOf(names[Number(column)]));
  }
}

function classifierOf(model: DualEncoder, labels: LabelSpace): (pixels: Tensor) => Tensor {
  const logitsOf = zeroShotHead(labels, model);
  return (pixels) => logitsOf(model.encodeImage(pixels));
}

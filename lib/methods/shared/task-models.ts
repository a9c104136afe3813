import { copyModel, type DualEncoder } from "../../clip/index.js";
import { applyUpdates, copyUpdates, type LowRankUpdate, type LowRankUpdates } from "../../lora/index.js";
import type { Tensor } from "../../torch/index.js";
import type { LabelSpace, MethodState } from "./types.js";

/**
 * The model as it was right after each task, `θ_j = θ_0 + Σ_{i ≤ j} B_i A_i`. The updates are kept, and the
 * models rebuilt from them, task by task: the same bits whether a run was interrupted or not.
 */
export class TaskModels implements Disposable {
  readonly #tasks: string[] = [];
  readonly #updates: LowRankUpdates[] = [];
  readonly #models: DualEncoder[] = [];
  #pretrained: DualEncoder | undefined;

  /** Keeps a copy of the model that the first task starts from. */
  begin(pretrained: DualEncoder): void {
    this.#pretrained = copyModel(pretrained);
  }

  /** θ_0. */
  get pretrained(): DualEncoder {
    return this.#pretrained as DualEncoder;
  }

  /** Names of the tasks that were learned. */
  get tasks(): readonly string[] {
    return this.#tasks;
  }

  /** θ_j of the j-th task. */
  after(task: number): DualEncoder {
    return this.#models[task] as DualEncoder;
  }

  /** θ_j where the learned dataset j alone has candidates, as its images then are known to be its. */
  of({ groups }: LabelSpace): DualEncoder | undefined {
    const [group, ...others] = groups;
    if (group === undefined || others.length > 0) return undefined;
    return this.#models[this.#tasks.indexOf(group.name)];
  }

  /** Takes up what a task changed. */
  learn(task: string, updates: LowRankUpdates): void {
    const kept = copyUpdates(updates);
    const model = copyModel(this.#models.at(-1) ?? this.pretrained);
    applyUpdates(model, kept);
    this.#tasks.push(task);
    this.#updates.push(kept);
    this.#models.push(model);
  }

  state(): MethodState {
    const tensors = new Map<string, Tensor>();
    for (const [t, updates] of this.#updates.entries()) {
      for (const [name, { loraA, loraB }] of updates) {
        tensors.set(`update.${t}.${name}.A`, loraA);
        tensors.set(`update.${t}.${name}.B`, loraB);
      }
    }
    return { tensors, data: { tasks: this.#tasks } };
  }

  /** Takes the place of all that was learned; other tensors and data of the state are no concern. */
  loadState({ tensors, data }: MethodState): void {
    this.#forget();
    for (const [t, task] of ((data.tasks as string[] | undefined) ?? []).entries()) {
      const prefix = `update.${t}.`;
      const names = Array.from(tensors.keys()).flatMap((key) =>
        key.startsWith(prefix) && key.endsWith(".A") ? [key.slice(prefix.length, -2)] : [],
      );
      const updates = names.map((name): [string, LowRankUpdate] => [
        name,
        {
          loraA: tensors.get(`${prefix}${name}.A`) as Tensor,
          loraB: tensors.get(`${prefix}${name}.B`) as Tensor,
        },
      ]);
      this.learn(task, new Map(updates));
    }
  }

  dispose(): void {
    this.#forget();
    this.#pretrained?.dispose();
    this.#pretrained = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Back to before the first task. */
  #forget(): void {
    this.#tasks.splice(0);
    for (const model of this.#models.splice(0)) model.dispose();
    for (const { loraA, loraB } of this.#updates.splice(0).flatMap((updates) => [...updates.values()])) {
      loraA.dispose();
      loraB.dispose();
    }
  }
}

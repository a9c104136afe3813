import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { countedOnce } from "./training.js";

/** Factor of a head's cosines. */
const headWeight = 30;

/**
 * A cosine head for each dataset, `30 ⟨z, w_c / ‖w_c‖⟩` beside the logits of the text features. It starts at
 * the class means, learns with its task and then stays. KeepLoRA+, arXiv:2601.19659.
 */
export class DatasetHeads {
  readonly #learned = new Map<string, Tensor>(); // by dataset: [classes, embedDim]
  #current: { readonly head: Tensor; readonly share: Tensor } | undefined; // of the task in progress

  /** The head that is trained now, `[classes, embedDim]`. */
  get trained(): Tensor | undefined {
    return this.#current?.head;
  }

  /**
   * Begins the head of a task.
   * @param classMeans `[classes, embedDim]`   @param logitScale ln s of the model, which does not change
   */
  begin(classMeans: Tensor, logitScale: Tensor): void {
    const share = torch.noGrad(() => torch.scope(() => logitScale.neg().exp().mul(headWeight))).keep();
    this.#current = { head: classMeans.requiresGrad_().keep(), share };
  }

  /** `u + 30 / s · ŵ`: text features with the head in them, so that both are one product of scale s. */
  joined(texts: Tensor): Tensor {
    if (this.#current === undefined) return texts;
    const { head, share } = this.#current;
    return texts.add(countedOnce(torch.nn.functional.normalize(head).mul(share)));
  }

  /** Keeps the head of the task as that of a dataset. */
  keep(dataset: string): void {
    if (this.#current === undefined) return;
    const { head, share } = this.#current;
    share.dispose();
    head.grad = undefined;
    head.requiresGrad = false;
    this.#learned.set(dataset, head);
    this.#current = undefined;
  }

  /** Forgets the head of the task. */
  drop(): void {
    this.#current?.head.dispose();
    this.#current?.share.dispose();
    this.#current = undefined;
  }

  /** The logits that the head of a dataset adds for features `[B, D]`; `undefined` if it has none. */
  scorer(dataset: string): ((features: Tensor) => Tensor) | undefined {
    const head = this.#learned.get(dataset);
    if (head === undefined) return undefined;
    const { normalize } = torch.nn.functional;
    const weights = torch.noGrad(() => normalize(head).mul(headWeight));
    return (features) => normalize(features).mm(weights.t());
  }

  /** Learned heads by dataset. They stay this object's. */
  get learned(): ReadonlyMap<string, Tensor> {
    return this.#learned;
  }

  /** Takes over learned heads: copies. */
  load(heads: Iterable<readonly [string, Tensor]>): void {
    const copies = torch.unscoped(() => Array.from(heads, ([name, head]) => [name, head.clone()] as const));
    this.dispose();
    for (const [name, head] of copies) this.#learned.set(name, head);
  }

  dispose(): void {
    this.drop();
    for (const head of this.#learned.values()) head.dispose();
    this.#learned.clear();
  }
}

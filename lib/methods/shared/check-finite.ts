import type { Task } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";

/**
 * Keeps what is not finite out of the model's weights.
 * @param parameters the parameters that the task trained beside them   @param remove takes it off the model
 * @throws once it is removed: the model is as it was before the task
 */
export function checkFinite(parameters: Tensor, task: Task, remove: () => void): void {
  if (torch.scope(() => torch.isfinite(parameters).all().item<boolean>())) return;
  remove();
  throw new Error(
    `The update learned on dataset '${task.name}' is lost: expected finite adapters. Train with a lower learning rate.`,
  );
}

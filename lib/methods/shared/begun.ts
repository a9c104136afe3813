/**
 * The training that `beginTask` made for a task.
 * @throws if the task has not begun
 */
export function begun<Trained>(trained: Trained | undefined, method: string): Trained {
  if (trained !== undefined) return trained;
  throw new Error(`${method}: there is nothing to train. Call beginTask first.`);
}

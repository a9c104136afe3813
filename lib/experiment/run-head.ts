import { type DualEncoder, weightsFingerprint } from "../clip/index.js";
import { type ContinualMethod, findMethod, type MethodState, methods } from "../methods/index.js";
import type { Given } from "../options/index.js";
import type { HeadFile, RunDirectory } from "../protocol/index.js";
import * as torch from "../torch/index.js";

/** The method of a run, opened anew; `undefined` where it is a program's own. */
export function methodOf(directory: RunDirectory): ContinualMethod | undefined {
  const { method: name, protocol, config } = directory.readRecord();
  if (!methods.some((known) => known.name === name)) return undefined;
  return findMethod(name).create((config.options ?? {}) as Given, protocol);
}

/**
 * The method of a run, where it classifies by more than CLIP's weights.
 * @returns `undefined` where the weights say everything, or the method is a program's own
 * @throws if there is no file that could hold what it knows
 */
export function methodWithHead(directory: RunDirectory): ContinualMethod | undefined {
  const method = methodOf(directory);
  if (method?.stateAfter === undefined || method.head !== undefined) return method?.head && method;
  throw new Error(
    `${directory.path}: ${method.name} keeps what it learned beside CLIP's weights, in a way that no file holds: the export would not know ` +
      "what the run knows. Use the run itself, or pass --weights-only for the weights alone.",
  );
}

/** Models that a head belongs to. */
export interface HeadModels {
  /** After the task: the one that is exported. */
  readonly model: DualEncoder;
  /** The one that the run started from; asked for where the head reads it. */
  readonly pretrained: () => DualEncoder;
}

/**
 * The head by which a method classifies after a task, for the file beside the exported model. Call it inside
 * a scope.
 * @throws if that is lost, since later tasks changed it
 */
export function headAfter(
  task: number,
  directory: RunDirectory,
  method: ContinualMethod,
  { model, pretrained }: HeadModels,
): HeadFile {
  const { head } = method;
  const { protocol, seed, datasets } = directory.readRecord();
  const state = stateAfter(task, directory, method);
  if (head === undefined || state === undefined) {
    throw new Error(
      `${directory.path}: what ${method.name} keeps beside CLIP's weights is that of the last task only, got task ${task}. ` +
        "Export the last task, or pass --weights-only for the weights alone.",
    );
  }
  const { tensors, data } = head.take(state);
  return {
    method: method.name,
    options: method.options,
    protocol,
    seed,
    datasets: datasets.map(({ name, classes, template, templates }, position) => ({
      name,
      classes,
      templates: templates ?? [template],
      isLearned: position <= task,
    })) as HeadFile["datasets"],
    takesAnyLabel: head.takesAnyLabel ?? false,
    data,
    weightsFingerprint: weightsFingerprint(model),
    tensors,
    pretrained: head.readsPretrained ? differing(pretrained(), model) : new Map(),
  };
}

/** The state of a run's method after a task; `undefined` where it is lost. Call it inside a scope. */
export function stateAfter(
  task: number,
  directory: RunDirectory,
  method: ContinualMethod,
): MethodState | undefined {
  if (directory.hasCheckpoint(task)) return directory.readMethodState(task);
  const last = (directory.readMatrix()?.matrix.length ?? 0) - 1;
  return directory.hasCheckpoint(last)
    ? method.stateAfter?.(task + 1, directory.readMethodState(last))
    : undefined;
}

/** The weights that are others than those of a model. */
function differing(pretrained: DualEncoder, model: DualEncoder): Map<string, torch.Tensor> {
  const now = model.stateDict();
  return new Map(
    Array.from(pretrained.stateDict()).filter(([name, weight]) => {
      const other = now.get(name);
      return other === undefined || !torch.scope(() => weight.equal(other));
    }),
  );
}

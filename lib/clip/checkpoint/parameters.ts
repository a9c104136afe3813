import { printable } from "../../options/index.js";
import { callOperator, nn, noGrad, scope, type Tensor } from "../../torch/index.js";
import type { DualEncoder } from "../dual-encoder.js";
import { nearestKeys } from "./find-model.js";
import type { StateDict } from "./keys.js";
import { remedyFor } from "./remedies.js";

/**
 * Copies published parameters into a model, converting them to its dtype and device.
 * @param tensors under Hugging Face's names
 * @param source named in the error
 * @param options `shared`: parameters take the memory of the tensors instead, where they can
 * @throws naming all parameters that are missing, unexpected or of another shape; then nothing was copied
 */
export function loadStateDict(
  model: DualEncoder,
  tensors: StateDict,
  source: string,
  { shared = false }: { readonly shared?: boolean } = {},
): void {
  scope(() => {
    const parameters = model.stateDict();
    checkParameters(tensors, parameters, source);
    const whole = new Set(Array.from(model.namedParameters(), ([name]) => name)); // others are views of these
    noGrad(() => {
      const parts = shared ? shareParts(model, tensors) : new Set();
      for (const [key, parameter] of parameters) {
        if (parts.has(key)) continue;
        const tensor = tensors.get(key)!;
        if (shared && whole.has(key) && isAlike(parameter, tensor)) {
          callOperator("aten::set_.source_Tensor", parameter, tensor);
        } else parameter.copy_(tensor);
      }
    });
  });
}

/** Has stacked layers take the memory of their parts. @returns the keys of these */
function shareParts(model: DualEncoder, tensors: StateDict): Set<string> {
  const taken = new Set<string>();
  for (const [path, module] of model.namedModules()) {
    if (!(module instanceof nn.StackedLinear)) continue;
    const matrices = [...module.stateDict(`${path}.`)].filter(([key]) => key.endsWith(".weight"));
    if (!matrices.every(([key, matrix]) => isAlike(matrix, tensors.get(key)!))) continue;
    module.shareParts(matrices.map(([key]) => tensors.get(key)!));
    for (const [key] of matrices) taken.add(key);
  }
  return taken;
}

function isAlike(parameter: Tensor, tensor: Tensor): boolean {
  return parameter.dtype === tensor.dtype && parameter.device === tensor.device && tensor.isContiguous();
}

/**
 * @param expected parameters of a model under the names of the file; only their shapes matter
 * @param source named in the error
 * @throws naming all parameters that are missing, unexpected or of another shape
 */
export function checkParameters(tensors: StateDict, expected: StateDict, source: string): void {
  const missing = [...expected.keys()].filter((key) => !tensors.has(key));
  const unexpected = [...tensors.keys()].filter((key) => !expected.has(key) && !isBuffer(key));
  const wrong = [...expected].flatMap(([key, { shape }]) => {
    const found = tensors.get(key);
    if (found === undefined) return [];
    if (found.shape.join() !== shape.join()) {
      return [`wrong shape: ${key} is [${found.shape.join(", ")}], expected [${shape.join(", ")}]`];
    }
    return floating.has(found.dtype) ? [] : [`wrong dtype: ${key} is ${found.dtype}, expected floats`];
  });
  const count = missing.length + unexpected.length + wrong.length;
  if (count === 0) return;
  const problems = count > maxProblems ? nearestProblems(tensors, expected, missing, unexpected) : undefined;
  const all = [
    ...missing.map((key) => `missing: ${key}`),
    ...unexpected.map((key) => `unexpected: ${key}`),
    ...wrong,
  ];
  const shown = problems === undefined ? all : [...problems, ...wrong].slice(0, maxProblems);
  const rest = count > shown.length ? [`… and ${count - shown.length} more`] : [];
  const list = [...shown, ...rest].map((problem) => `  ${printable(problem)}`).join("\n");
  throw new Error(
    `${source}: ${count} parameters do not fit the model.\n${list}\n${remedyFor(unexpected, tensors)}`,
  );
}

const maxProblems = 7; // with what stands around them, ten lines
const floating: ReadonlySet<string> = new Set(["float32", "float64", "float16", "bfloat16"]);

/** Some missing parameters, each with the most similar of those that were not expected. */
function nearestProblems(
  tensors: StateDict,
  expected: StateDict,
  missing: readonly string[],
  unexpected: readonly string[],
): string[] {
  const shapeOf = (state: StateDict, key: string): string => `[${state.get(key)!.shape.join(", ")}]`;
  // The first layer of the image encoder tells most about a model.
  const isFirst = (key: string): boolean => /(conv1|patch_embedding)\.weight$/.test(key);
  const ordered = [...missing.filter(isFirst), ...missing.filter((key) => !isFirst(key))];
  const some = ordered.slice(0, unexpected.length > 0 ? Math.ceil(maxProblems / 2) : maxProblems);
  const like = some.length > 0 ? nearestKeys(unexpected, some, maxProblems - some.length) : unexpected;
  return [
    ...some.map((key) => `missing: ${key} ${shapeOf(expected, key)}`),
    ...like.map((key) => `unexpected: ${key} ${shapeOf(tensors, key)}`),
  ];
}

// These entries are saved with the parameters without being one. Old versions of transformers keep positions,
// OpenAI three sizes, and AveragedModel its count; some keep the mask.
export function isBuffer(key: string): boolean {
  return (
    /(^|\.)(position_ids|attn_mask)$/.test(key) ||
    /^(input_resolution|context_length|vocab_size|n_averaged)$/.test(key)
  );
}

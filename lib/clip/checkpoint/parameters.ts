import { noGrad, scope } from "../../torch/index.js";
import type { ClipModel } from "../model.js";
import type { StateDict } from "./keys.js";

/**
 * Copies published parameters into a model, converting them to its dtype and device.
 * @param tensors under Hugging Face's names
 * @param source named in the error
 * @throws naming all parameters that are missing, unexpected or of another shape; then nothing was copied
 */
export function loadStateDict(model: ClipModel, tensors: StateDict, source: string): void {
  scope(() => {
    const parameters = model.stateDict();
    checkParameters(tensors, parameters, source);
    noGrad(() => {
      for (const [key, parameter] of parameters) parameter.copy_(tensors.get(key)!);
    });
  });
}

/**
 * @param expected parameters of a model under the names of the file; only their shapes matter
 * @param source named in the error
 * @throws naming all parameters that are missing, unexpected or of another shape
 */
export function checkParameters(tensors: StateDict, expected: StateDict, source: string): void {
  const problems = [
    ...[...expected.keys()].filter((key) => !tensors.has(key)).map((key) => `missing: ${key}`),
    ...[...tensors.keys()]
      .filter((key) => !expected.has(key) && !isBuffer(key))
      .map((key) => `unexpected: ${key}`),
    ...[...expected].flatMap(([key, { shape }]) => {
      const found = tensors.get(key)?.shape;
      const fits = found === undefined || found.join() === shape.join();
      return fits ? [] : [`wrong shape: ${key} is [${found.join(", ")}], expected [${shape.join(", ")}]`];
    }),
  ];
  if (problems.length === 0) return;
  const list = problems.map((problem) => `  ${problem}`).join("\n");
  throw new Error(
    `${source}: ${problems.length} parameters do not fit the model.\n${list}\nUse the configuration of these weights.`,
  );
}

// What was saved with the parameters without being one: positions by old versions of transformers, the mask and three sizes by OpenAI.
function isBuffer(key: string): boolean {
  return (
    /(^|\.)(position_ids|attn_mask)$/.test(key) || /^(input_resolution|context_length|vocab_size)$/.test(key)
  );
}

import type { StateDict } from "./keys.js";

// What people save beside plain weights changes names, shapes or dtypes in ways that tell what it was.

const remedies: readonly (readonly [names: RegExp, remedy: string])[] = [
  [
    /\.(base_layer|lora_[AB]|lora_embedding_[AB]|lora_magnitude_vector)\./,
    "An adapter of PEFT is still in the model. Merge it in Python with `merge_and_unload()`, and save the model again.",
  ],
  [
    /\.(SCB|absmax|quant_map|weight_format|weight_scale(_inv)?|scale_weight|qweight|qzeros|scales|input_scale)$/,
    "The weights are quantised. Load them in Python, call `dequantize()`, and save the model again.",
  ],
  [
    /\.parametrizations\.|\.weight_(g|v|orig|u)$/,
    "Layers are still parametrised. Call `remove_parametrizations` in Python, and save the model again.",
  ],
  [
    /_flat_param$/,
    "FSDP has flattened the weights. Save its full state dict (`StateDictType.FULL_STATE_DICT`).",
  ],
];

/**
 * The way to plain weights from parameters that do not fit a model, as a sentence.
 * @param unexpected names of the file that the model does not have
 * @param tensors all tensors of that file
 */
export function remedyFor(unexpected: readonly string[], tensors: StateDict): string {
  const known = remedies.find(([names]) => unexpected.some((name) => names.test(name)));
  if (known !== undefined) return known[1];
  const weights = Array.from(tensors).filter(([name]) => name.endsWith(".weight"));
  if (weights.length > 0 && weights.every(([, tensor]) => tensor.numel() === 0)) {
    return "The parameters are empty, as DeepSpeed's ZeRO 3 saves them. Put them together with its `zero_to_fp32.py`.";
  }
  return "Use the configuration of these weights.";
}

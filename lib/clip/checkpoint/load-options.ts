import type { OptionKeys } from "../../options/index.js";
import type { Device, DType } from "../../torch/index.js";
import type { ClipActivation } from "../config.js";
import { type DecodeLimits, decodeLimitKeys } from "../decode-limits.js";
import type { Precision } from "../dual-encoder.js";
import type { DecodeOptions } from "../image.js";

export interface LoadOptions extends DecodeLimits {
  /** Default: `"cpu"`. */
  readonly device?: Device;
  /** Default: `"float32"`. */
  readonly dtype?: DType;
  /** Precision of the encoders. Default: `"fp32"`. */
  readonly precision?: Precision;
  /**
   * Read `.bin` and `.pt` files, of which only tensors, dictionaries and numbers are read. Default: false.
   */
  readonly allowPickle?: boolean;
  /**
   * A `tokenizer.json` or CLIP's `bpe_simple_vocab_16e6.txt.gz`. Default: what lies beside the weights, if
   * anything.
   */
  readonly tokenizer?: string;
  /**
   * Default: what the configuration says, or the code of one of OpenAI's archives. Counts where both are
   * there, with a note if they differ.
   */
  readonly activation?: ClipActivation;
  /**
   * Prefix of the names of the model to take from a file with several, such as `ema`. Default: the one that
   * is no average.
   */
  readonly weights?: string;
  /** Load weights that are NaN, infinite or beyond 1e18, which make every result so. Default: an error. */
  readonly allowNonFinite?: boolean;
  /** Cut texts that are longer than the context. Default: an error, as in OpenAI's tokenizer. */
  readonly truncate?: boolean;
  /** Turn image files upright as their EXIF tag says. Default: false, as in CLIP's own code. */
  readonly orient?: boolean;
  /** `white` lays transparent images on white. Default: `drop`, as in CLIP's own code. */
  readonly transparency?: DecodeOptions["transparency"];
  /**
   * Leave the weights where they are in a safetensors file, mapped into memory, rather than copy them. The
   * file must stay as it is while the model is in use; changing the weights does not change it. Default:
   * false. Other dtypes or devices, and stacked q, k and v, are copied all the same.
   */
  readonly shareFile?: boolean;
  /**
   * Told what was taken off the names, left out or decided otherwise than a file says. Default: a line on
   * stderr. The notes are also in `model.notes`.
   */
  readonly onNote?: (note: string) => void;
}

export const loadOptionKeys: OptionKeys<LoadOptions> = {
  device: true,
  dtype: true,
  precision: true,
  allowPickle: true,
  tokenizer: true,
  activation: true,
  weights: true,
  allowNonFinite: true,
  truncate: true,
  orient: true,
  transparency: true,
  ...decodeLimitKeys,
  shareFile: true,
  onNote: true,
};

import { checkOptions, type OptionKeys } from "../options/index.js";
import {
  addcmul,
  type Device,
  fromTypedArray,
  type images,
  scope,
  type Tensor,
  unscoped,
} from "../torch/index.js";
import type { ModelFamily } from "./config.js";
import { type DecodeLimits, resolveLimits } from "./decode-limits.js";
import type { DecodedImage, DecodeOptions } from "./image.js";
import { formatImageProcessor, openaiMean, openaiStd, parseImageProcessor } from "./image-processor.js";
import { type ImageTransform, resizeAndCenterCrop, stretchAndCenterCrop } from "./image-transform.js";

export interface PreprocessingConfig {
  /** Length of the shorter side after resizing, pixels. */
  readonly size: number;
  /** Side of the square that is cut from the middle, pixels. */
  readonly cropSize: number;
  /** Per channel, of values between 0 and 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** `squash` ignores the aspect ratio: both sides become `size`. Default: `shortest`. */
  readonly resize?: "shortest" | "squash";
  /** Factor of a pixel of 0 to 255, before the mean is taken off. Default: 1 / 255. */
  readonly rescaleFactor?: number;
  /** How image files are decoded. Default: as CLIP's own code does. */
  readonly decoding?: DecodeOptions | undefined;
  /** The filter of resizing, with antialiasing. Default: `bicubic`. */
  readonly filter?: images.Filter | undefined;
}

const configKeys: OptionKeys<PreprocessingConfig> = {
  size: true,
  cropSize: true,
  mean: true,
  std: true,
  resize: true,
  rescaleFactor: true,
  decoding: true,
  filter: true,
};

/**
 * From images to the pixels a model reads: resize the shorter side (or both), cut the middle out, normalise.
 */
export class Preprocessing implements PreprocessingConfig {
  readonly size: number;
  readonly cropSize: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly resize: "shortest" | "squash";
  readonly rescaleFactor: number;
  /**
   * Decoding options that change pixels. Absent where all are the defaults, so that a model's fingerprint
   * stays.
   */
  readonly decoding: Omit<DecodeOptions, keyof DecodeLimits> | undefined;
  readonly filter: images.Filter | undefined;
  // Private, so that it is in no fingerprint.
  readonly #limits: DecodeLimits;
  readonly #constants = new Map<Device, readonly [scale: Tensor, shift: Tensor]>();

  /** @throws if the crop is larger than what resizing leaves, or a limit is no number that can be kept */
  constructor(config: PreprocessingConfig) {
    checkOptions(config, configKeys, "Preprocessing");
    const {
      size,
      cropSize,
      mean,
      std,
      resize = "shortest",
      rescaleFactor = 1 / 255,
      filter,
      decoding,
    } = config;
    if (cropSize > size) {
      throw new RangeError(
        `Preprocessing: expected a cropSize of at most ${size} pixels, got ${cropSize}. Resize to more.`,
      );
    }
    this.size = size;
    this.cropSize = cropSize;
    this.mean = mean;
    this.std = std;
    this.resize = resize;
    this.rescaleFactor = rescaleFactor;
    this.decoding = unusual(decoding);
    this.#limits = resolveLimits(decoding ?? {});
    this.filter = filter === "bicubic" ? undefined : filter; // one preprocessing, one fingerprint
  }

  /**
   * Reads the content of a `preprocessor_config.json` as `transformers` does.
   * @param source named in the error
   * @param family the model's family, if the content does not name the class of its image processor
   * @throws with every wrong field
   */
  static parse(
    json: unknown,
    source = "preprocessor_config.json",
    family: ModelFamily = "clip",
  ): Preprocessing {
    return new Preprocessing(parseImageProcessor(json, source, family));
  }

  /** Preprocessing of OpenAI's models. @param imageSize pixels */
  static openai(imageSize = 224): Preprocessing {
    return new Preprocessing({ size: imageSize, cropSize: imageSize, mean: openaiMean, std: openaiStd });
  }

  /** The same for image files that are decoded in another way. */
  withDecoding(decoding: DecodeOptions): Preprocessing {
    const { size, cropSize, mean, std, resize, rescaleFactor, filter } = this;
    return new Preprocessing({ size, cropSize, mean, std, resize, rescaleFactor, filter, decoding });
  }

  /** The preprocessing with which SigLIP's models were trained. @param imageSize pixels */
  static siglip(imageSize = 224): Preprocessing {
    const half = [0.5, 0.5, 0.5];
    return new Preprocessing({
      size: imageSize,
      cropSize: imageSize,
      mean: half,
      std: half,
      resize: "squash",
    });
  }

  /** The preprocessing with which the published models of a family were trained. @param imageSize pixels */
  static published(family: ModelFamily = "clip", imageSize = 224): Preprocessing {
    return Preprocessing[family === "siglip" ? "siglip" : "openai"](imageSize);
  }

  /** The content of a `preprocessor_config.json` that `transformers` reads as the same preprocessing. */
  format(family: ModelFamily = "clip"): Record<string, unknown> {
    return formatImageProcessor(this, family);
  }

  /** Limits of what decoding an image may cost. */
  get limits(): DecodeLimits {
    return this.#limits;
  }

  /** Resizes with antialiasing, as Pillow does, and cuts the middle out. */
  get transform(): ImageTransform {
    const { size, cropSize, filter, decoding, limits } = this;
    const options = { ...decoding, ...limits, filter };
    return this.resize === "squash"
      ? stretchAndCenterCrop(size, cropSize, options)
      : resizeAndCenterCrop(size, cropSize, options);
  }

  /** @returns `uint8 [3, S, S]`   @throws if the image is damaged */
  async preprocess(image: Uint8Array | DecodedImage): Promise<Tensor> {
    const { pixels } = await this.transform.apply(image);
    return scope(() =>
      fromTypedArray(pixels, [this.cropSize, this.cropSize, 3]).permute([2, 0, 1]).contiguous(),
    );
  }

  /**
   * `(f · x − mean) / std` per channel, with the rescale factor f.
   * @param images `uint8 [B, 3, S, S]`, any device
   * @returns `float32`, same shape
   */
  normalise(images: Tensor): Tensor {
    const [scale, shift] = this.constants(images.device);
    return scope(() => addcmul(shift, images.float(), scale));
  }

  // Kept on the device: a copy from the host at every batch would wait for it.
  private constants(device: Device): readonly [scale: Tensor, shift: Tensor] {
    let constants = this.#constants.get(device);
    if (constants === undefined) {
      const { mean, std, rescaleFactor } = this;
      const range = 1 / rescaleFactor; // 255, exactly
      const perChannel = (values: readonly number[]) =>
        unscoped(() => fromTypedArray(Float32Array.from(values), [3, 1, 1], { device }));
      constants = [perChannel(std.map((s) => 1 / (range * s))), perChannel(std.map((s, c) => -mean[c]! / s))];
      this.#constants.set(device, constants);
    }
    return constants;
  }
}

function unusual({ orient, transparency }: DecodeOptions = {}): Preprocessing["decoding"] {
  const decoding = { ...(orient && { orient }), ...(transparency === "white" && { transparency }) };
  return Object.keys(decoding).length > 0 ? decoding : undefined;
}

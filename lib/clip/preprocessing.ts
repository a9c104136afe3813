import { z } from "zod";
import { addcmul, type Device, fromTypedArray, scope, type Tensor, unscoped } from "../torch/index.js";
import type { DecodedImage } from "./image.js";
import { type ImageTransform, resizeAndCenterCrop } from "./image-transform.js";

export interface PreprocessingConfig {
  /** Length of the shorter side after resizing, pixels. */
  readonly size: number;
  /** Side of the square that is cut from the middle, pixels. */
  readonly cropSize: number;
  /** Per channel, of values between 0 and 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

const openaiMean = [0.48145466, 0.4578275, 0.40821073];
const openaiStd = [0.26862954, 0.26130258, 0.27577711];
const bicubic = 3;

const side = z.int().positive();
const always = z.literal(true).default(true);

// Published files leave out what has its default in transformers' CLIPImageProcessor. What cannot be done is rejected, not ignored.
const schema = z.object({
  do_resize: always,
  do_center_crop: always,
  do_rescale: always,
  do_normalize: always,
  resample: z.literal(bicubic).default(bicubic),
  size: z
    .union([side, z.object({ shortest_edge: side }).transform((size) => size.shortest_edge)])
    .default(224),
  crop_size: z
    .union([
      side,
      z
        .object({ height: side, width: side })
        .refine(({ height, width }) => height === width, "expected a square")
        .transform(({ height }) => height),
    ])
    .default(224),
  image_mean: z.array(z.number()).length(3).default(openaiMean),
  image_std: z.array(z.number().positive()).length(3).default(openaiStd),
});

/** From images to the pixels a model reads: resize the shorter side, cut the middle out, normalise. */
export class Preprocessing implements PreprocessingConfig {
  readonly size: number;
  readonly cropSize: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly #constants = new Map<Device, readonly [scale: Tensor, shift: Tensor]>();

  /** @throws if the crop is larger than what resizing leaves */
  constructor({ size, cropSize, mean, std }: PreprocessingConfig) {
    if (cropSize > size) {
      throw new RangeError(
        `Preprocessing: expected a cropSize of at most ${size} pixels, got ${cropSize}. Resize to more.`,
      );
    }
    this.size = size;
    this.cropSize = cropSize;
    this.mean = mean;
    this.std = std;
  }

  /** Reads the content of a `preprocessor_config.json`. @param source named in the error @throws with every wrong field */
  static parse(json: unknown, source = "preprocessor_config.json"): Preprocessing {
    const parsed = schema.safeParse(json);
    if (!parsed.success) {
      throw new Error(
        `${source}: not CLIP's preprocessing.\n${z.prettifyError(parsed.error)}\nCorrect these fields.`,
      );
    }
    const { size, crop_size, image_mean, image_std } = parsed.data;
    return new Preprocessing({ size, cropSize: crop_size, mean: image_mean, std: image_std });
  }

  /** What OpenAI's models were trained with. @param imageSize pixels */
  static openai(imageSize = 224): Preprocessing {
    return new Preprocessing({ size: imageSize, cropSize: imageSize, mean: openaiMean, std: openaiStd });
  }

  /** The content of a `preprocessor_config.json` that `transformers` reads as the same preprocessing. */
  format(): Record<string, unknown> {
    return {
      image_processor_type: "CLIPImageProcessor",
      do_resize: true,
      size: { shortest_edge: this.size },
      resample: bicubic,
      do_center_crop: true,
      crop_size: { height: this.cropSize, width: this.cropSize },
      do_rescale: true,
      rescale_factor: 1 / 255,
      do_normalize: true,
      image_mean: this.mean,
      image_std: this.std,
      do_convert_rgb: true,
    };
  }

  /** Resizes bicubically with antialiasing, as Pillow does, and cuts the middle out. */
  get transform(): ImageTransform {
    return resizeAndCenterCrop(this.size, this.cropSize);
  }

  /** @returns `uint8 [3, S, S]`   @throws if the image is damaged */
  async preprocess(image: Uint8Array | DecodedImage): Promise<Tensor> {
    const { pixels } = await this.transform.apply(image);
    return scope(() =>
      fromTypedArray(pixels, [this.cropSize, this.cropSize, 3]).permute([2, 0, 1]).contiguous(),
    );
  }

  /** `(x / 255 − mean) / std` per channel. @param images `uint8 [B, 3, S, S]`, any device   @returns `float32`, same shape */
  normalise(images: Tensor): Tensor {
    const [scale, shift] = this.constants(images.device);
    return scope(() => addcmul(shift, images.float(), scale));
  }

  // Kept on the device: a copy from the host at every batch would wait for it.
  private constants(device: Device): readonly [scale: Tensor, shift: Tensor] {
    let constants = this.#constants.get(device);
    if (constants === undefined) {
      const { mean, std } = this;
      const perChannel = (values: readonly number[]) =>
        unscoped(() => fromTypedArray(Float32Array.from(values), [3, 1, 1], { device }));
      constants = [perChannel(std.map((s) => 1 / (255 * s))), perChannel(std.map((s, c) => -mean[c]! / s))];
      this.#constants.set(device, constants);
    }
    return constants;
  }
}

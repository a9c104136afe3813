import { z } from "zod";
import { checkOptions, firstLines, type OptionKeys } from "../options/index.js";
import { addcmul, type Device, fromTypedArray, scope, type Tensor, unscoped } from "../torch/index.js";
import type { DecodedImage, DecodeOptions } from "./image.js";
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
  /** What a pixel of 0 to 255 is multiplied with before the mean is taken off. Default: 1 / 255. */
  readonly rescaleFactor?: number;
  /** How image files are decoded. Default: as CLIP's own code does. */
  readonly decoding?: DecodeOptions;
}

const configKeys: OptionKeys<PreprocessingConfig> = {
  size: true,
  cropSize: true,
  mean: true,
  std: true,
  resize: true,
  rescaleFactor: true,
  decoding: true,
};

const openaiMean = [0.48145466, 0.4578275, 0.40821073];
const openaiStd = [0.26862954, 0.26130258, 0.27577711];
const bicubic = 3;

const side = z.int().positive();
const always = z.literal(true).default(true);
const flag = z.boolean().default(true);
const never = z.literal(false).optional();
const pair = z.tuple([side, side]).transform(([height, width]) => ({ height, width }));
const single = z.tuple([side]).transform(([only]) => ({ height: only, width: only }));
const rectangle = z.union([z.strictObject({ height: side, width: side }), pair, single]);
const square = rectangle
  .refine(({ height, width }) => height === width, "expected a square")
  .transform(({ height }) => height);
const perChannel = z.union([
  z.array(z.number()).length(3),
  z.number().transform((value) => [value, value, value]),
]);
/** All that do what CLIP's does. */
const types = [
  "CLIPImageProcessor",
  "CLIPImageProcessorFast",
  "CLIPImageProcessorPil",
  "CLIPFeatureExtractor",
];

// Published files leave out what has its default in transformers' CLIPImageProcessor. What cannot be done is
// rejected, not ignored.
const fields = {
  image_processor_type: z.enum(types).optional(),
  feature_extractor_type: z.enum(types).optional(),
  do_resize: always,
  do_center_crop: flag,
  do_rescale: flag,
  do_normalize: flag,
  do_convert_rgb: always,
  do_pad: never,
  use_square_size: never,
  default_to_square: z.boolean().default(false),
  resample: z.literal(bicubic, "expected 3, which is bicubic").default(bicubic),
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  size: z
    .union([
      side,
      z.strictObject({ shortest_edge: side }).transform((size) => size.shortest_edge),
      square.transform((square) => ({ square })),
    ])
    .default(224),
  crop_size: z.union([side, square]).default(224),
  image_mean: perChannel.default(openaiMean),
  image_std: perChannel
    .refine((values) => values.every((value) => value > 0), "expected positive numbers")
    .default(openaiStd),
};

const schema = z.looseObject(fields).superRefine((json, context) => {
  for (const [key, value] of Object.entries(json)) {
    if (/^do_/.test(key) && value === true && !Object.hasOwn(fields, key)) {
      context.addIssue({
        code: "custom",
        path: [key],
        message: "a step that CLIP's preprocessing does not have",
      });
    }
  }
  if (!json.do_center_crop && typeof json.size === "number" && !json.default_to_square) {
    const message =
      "expected true with a size of shortest_edge: without a crop, images keep their aspect ratio";
    context.addIssue({ code: "custom", path: ["do_center_crop"], message });
  }
});

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
  /** What differs from the defaults; absent where nothing does, so that a model's fingerprint stays. */
  readonly decoding: DecodeOptions | undefined;
  readonly #constants = new Map<Device, readonly [scale: Tensor, shift: Tensor]>();

  /** @throws if the crop is larger than what resizing leaves */
  constructor(config: PreprocessingConfig) {
    checkOptions(config, configKeys, "Preprocessing");
    const { size, cropSize, mean, std, resize = "shortest", rescaleFactor = 1 / 255, decoding } = config;
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
  }

  /**
   * Reads the content of a `preprocessor_config.json` as `transformers` does.
   * @param source named in the error
   * @throws with every wrong field
   */
  static parse(json: unknown, source = "preprocessor_config.json"): Preprocessing {
    const parsed = schema.safeParse(withoutNulls(json));
    if (!parsed.success) {
      throw new Error(
        `${source}: not CLIP's preprocessing.\n${firstLines(z.prettifyError(parsed.error), 7)}\nCorrect these fields.`,
      );
    }
    const { size: given, crop_size, do_center_crop, do_rescale, do_normalize, ...rest } = parsed.data;
    const isSquare = typeof given === "object" || rest.default_to_square;
    const size = typeof given === "object" ? given.square : given;
    return new Preprocessing({
      size,
      cropSize: do_center_crop ? crop_size : size,
      resize: isSquare ? "squash" : "shortest",
      mean: do_normalize ? rest.image_mean : [0, 0, 0],
      std: do_normalize ? rest.image_std : [1, 1, 1],
      rescaleFactor: do_rescale ? rest.rescale_factor : 1,
    });
  }

  /** What OpenAI's models were trained with. @param imageSize pixels */
  static openai(imageSize = 224): Preprocessing {
    return new Preprocessing({ size: imageSize, cropSize: imageSize, mean: openaiMean, std: openaiStd });
  }

  /** The same for image files that are decoded in another way. */
  withDecoding(decoding: DecodeOptions): Preprocessing {
    const { size, cropSize, mean, std, resize, rescaleFactor } = this;
    return new Preprocessing({ size, cropSize, mean, std, resize, rescaleFactor, decoding });
  }

  /** The content of a `preprocessor_config.json` that `transformers` reads as the same preprocessing. */
  format(): Record<string, unknown> {
    return {
      image_processor_type: "CLIPImageProcessor",
      do_resize: true,
      size: this.resize === "squash" ? { height: this.size, width: this.size } : { shortest_edge: this.size },
      resample: bicubic,
      do_center_crop: true,
      crop_size: { height: this.cropSize, width: this.cropSize },
      do_rescale: true,
      rescale_factor: this.rescaleFactor,
      do_normalize: true,
      image_mean: this.mean,
      image_std: this.std,
      do_convert_rgb: true,
    };
  }

  /** Resizes bicubically with antialiasing, as Pillow does, and cuts the middle out. */
  get transform(): ImageTransform {
    const { size, cropSize, decoding } = this;
    return this.resize === "squash"
      ? stretchAndCenterCrop(size, cropSize, decoding)
      : resizeAndCenterCrop(size, cropSize, decoding);
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

function unusual({ orient, transparency }: DecodeOptions = {}): DecodeOptions | undefined {
  const decoding = { ...(orient && { orient }), ...(transparency === "white" && { transparency }) };
  return Object.keys(decoding).length > 0 ? decoding : undefined;
}

/** For transformers, null is the default. */
function withoutNulls(json: unknown): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  const entries = Object.entries(json).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutNulls(value)]));
}

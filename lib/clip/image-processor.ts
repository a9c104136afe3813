import { z } from "zod";
import { firstLines } from "../options/index.js";
import type { images } from "../torch/index.js";
import type { ModelFamily } from "./config.js";
import type { PreprocessingConfig } from "./preprocessing.js";

/** OpenAI's, per channel. */
export const openaiMean = [0.48145466, 0.4578275, 0.40821073];
export const openaiStd = [0.26862954, 0.26130258, 0.27577711];

/** Pillow's numbers. */
const filters = new Map<number, images.Filter>([
  [2, "bilinear"],
  [3, "bicubic"],
]);

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
/** A side without a name is of a square or the shortest one, as `default_to_square` says. */
type Size = { readonly side: number } | { readonly shortest: number } | { readonly square: number };

function resizing(size: Size, defaultToSquare: boolean): { size: number; isSquare: boolean } {
  if ("square" in size) return { size: size.square, isSquare: true };
  return "side" in size
    ? { size: size.side, isSquare: defaultToSquare }
    : { size: size.shortest, isSquare: false };
}

/** Defaults of a class of transformers, where a file does not say otherwise. */
interface ImageProcessor {
  /** The class and others that do the same. */
  readonly types: readonly [string, ...string[]];
  readonly size: Size;
  readonly crops: boolean;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

const half = [0.5, 0.5, 0.5];

const processors: Readonly<Record<ModelFamily, ImageProcessor>> = {
  clip: {
    types: ["CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPImageProcessorPil", "CLIPFeatureExtractor"],
    size: { shortest: 224 },
    crops: true,
    mean: openaiMean,
    std: openaiStd,
  },
  siglip: {
    types: ["SiglipImageProcessor", "SiglipImageProcessorFast", "SiglipImageProcessorPil"],
    size: { square: 224 },
    crops: false,
    mean: half,
    std: half,
  },
};

const knownTypes = Object.values(processors).flatMap(({ types }) => types);

// Published files leave out what has its default in the class. What cannot be done is rejected, not ignored.
const fieldsOf = ({ size, crops, mean, std }: ImageProcessor) => ({
  image_processor_type: z.enum(knownTypes).optional(),
  feature_extractor_type: z.enum(knownTypes).optional(),
  do_resize: always,
  do_center_crop: z.boolean().default(crops),
  do_rescale: flag,
  do_normalize: flag,
  do_convert_rgb: always,
  do_pad: never,
  use_square_size: never,
  default_to_square: z.boolean().default(false),
  resample: z
    .int()
    .refine((number) => filters.has(number), "expected 3, which is bicubic, or 2, which is bilinear")
    .default(3),
  rescale_factor: z
    .number()
    .positive()
    .default(1 / 255),
  size: z
    .union([
      side.transform((side) => ({ side })),
      z.strictObject({ shortest_edge: side }).transform((size) => ({ shortest: size.shortest_edge })),
      square.transform((square) => ({ square })),
    ])
    .default(size),
  crop_size: z.union([side, square]).default(224),
  image_mean: perChannel.default([...mean]),
  image_std: perChannel
    .refine((values) => values.every((value) => value > 0), "expected positive numbers")
    .default([...std]),
});

const schemaOf = (processor: ImageProcessor) => {
  const fields = fieldsOf(processor);
  return z.looseObject(fields).superRefine((json, context) => {
    for (const [key, value] of Object.entries(json)) {
      if (/^do_/.test(key) && value === true && !Object.hasOwn(fields, key)) {
        const message = `a step that ${processor.types[0]} does not have`;
        context.addIssue({ code: "custom", path: [key], message });
      }
    }
    if (!json.do_center_crop && !resizing(json.size, json.default_to_square).isSquare) {
      const message =
        "expected true with a size of shortest_edge: without a crop, images keep their aspect ratio";
      context.addIssue({ code: "custom", path: ["do_center_crop"], message });
    }
  });
};

const schemas = { clip: schemaOf(processors.clip), siglip: schemaOf(processors.siglip) };

/**
 * Reads what transformers writes of an image processor.
 * @param source named in the error
 * @param family whose processor counts where the content names no class
 * @throws with every wrong field
 */
export function parseImageProcessor(json: unknown, source: string, family: ModelFamily): PreprocessingConfig {
  const parsed = schemas[familyOf(json) ?? family].safeParse(withoutNulls(json));
  if (!parsed.success) {
    throw new Error(
      `${source}: not a preprocessing of CLIP or SigLIP.\n${firstLines(z.prettifyError(parsed.error), 7)}\nCorrect these fields.`,
    );
  }
  const { size: given, crop_size, do_center_crop, do_rescale, do_normalize, ...rest } = parsed.data;
  const { size, isSquare } = resizing(given, rest.default_to_square);
  return {
    size,
    cropSize: do_center_crop ? crop_size : size,
    resize: isSquare ? "squash" : "shortest",
    mean: do_normalize ? rest.image_mean : [0, 0, 0],
    std: do_normalize ? rest.image_std : [1, 1, 1],
    rescaleFactor: do_rescale ? rest.rescale_factor : 1,
    filter: filters.get(rest.resample),
  };
}

/** The preprocessing as transformers reads it, for the image processor of a family. */
export function formatImageProcessor(
  { size, cropSize, mean, std, resize, rescaleFactor, filter = "bicubic" }: PreprocessingConfig,
  family: ModelFamily,
): Record<string, unknown> {
  const { types, crops } = processors[family];
  const isCropped = crops || cropSize !== size || resize === "shortest";
  return {
    image_processor_type: types[0],
    do_resize: true,
    size: resize === "squash" ? { height: size, width: size } : { shortest_edge: size },
    resample: [...filters].find(([, name]) => name === filter)![0],
    ...(isCropped && { do_center_crop: true, crop_size: { height: cropSize, width: cropSize } }),
    do_rescale: true,
    rescale_factor: rescaleFactor,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
    do_convert_rgb: true,
  };
}

function familyOf(json: unknown): ModelFamily | undefined {
  if (typeof json !== "object" || json === null) return undefined;
  const { image_processor_type, feature_extractor_type } = json as Record<string, unknown>;
  const type = String(image_processor_type ?? feature_extractor_type);
  return (["clip", "siglip"] as const).find((family) => processors[family].types.includes(type));
}

/** For transformers, null is the default. */
function withoutNulls(json: unknown): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  const entries = Object.entries(json).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutNulls(value)]));
}

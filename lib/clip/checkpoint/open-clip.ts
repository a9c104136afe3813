import { z } from "zod";
import { firstLines, printable } from "../../options/index.js";
import { type ClipConfig, type ClipTransformerConfig, highestTokenId, logitScaleInit } from "../config.js";
import { Preprocessing } from "../preprocessing.js";

// Format: CLIPVisionCfg, CLIPTextCfg and PreprocessCfg of open_clip. A field that would change the model is
// refused, not ignored.

const size = z.int().positive();

const tower = {
  width: size,
  layers: size,
  mlp_ratio: z.number().positive().default(4),
  norm_kwargs: z.strictObject({ eps: z.number().positive().optional() }).nullish(),
  act_kwargs: z.strictObject({}, "expected none").nullish(),
  block_type: z.enum(["default", "custom"]).nullish(), // `custom` computes the same without the fields below
  ...neutral({
    ls_init_value: null,
    final_ln_after_pool: false,
    qk_norm: false,
    scaled_cosine_attn: false,
    scale_heads: false,
    scale_attn_inner: false,
    scale_attn: false,
    scale_fc: false,
  }),
  output_tokens: z.boolean().optional(), // changes what Python returns
};

const visionSchema = z.strictObject({
  ...tower,
  width: size.default(768),
  layers: z.int("expected a vision transformer: give one of the ViT models").positive().default(12),
  head_width: size.default(64),
  patch_size: size.default(16),
  image_size: square().default(224),
  patch_dropout: z.number().optional(), // in training only
  ...neutral({
    attentional_pool: false,
    no_ln_pre: false,
    pos_embed_type: "learnable",
    pool_type: "tok",
    timm_model_name: null,
  }),
  // Details of what the fields above leave out
  ...unused("attn_pooler_queries", "attn_pooler_heads", "timm_model_pretrained", "timm_pool", "timm_proj"),
  ...unused("timm_proj_bias", "timm_drop", "timm_drop_path"),
});

const textSchema = z.strictObject({
  ...tower,
  width: size.default(512),
  layers: size.default(12),
  heads: size.default(8),
  context_length: size.default(77),
  vocab_size: size.default(49408),
  // The causal tower reads the highest id and nothing after it: padding changes nothing.
  pad_id: z.number().optional(),
  eos_id: z.number().optional(),
  hf_tokenizer_name: z.string().nullish(),
  tokenizer_mode: z.literal("", "expected none: other ways of framing texts are not known").nullish(),
  tokenizer_kwargs: z.record(z.string(), z.unknown()).nullish(),
  ...neutral({
    embed_cls: false,
    no_causal_mask: false,
    pool_type: "argmax",
    proj_bias: false,
    proj_type: "linear",
    hf_model_name: null,
  }),
  ...unused("hf_model_pretrained", "hf_proj_type", "hf_pooler_type"),
});

type TextFields = z.output<typeof textSchema>;

const modelSchema = z.strictObject({
  embed_dim: size,
  quick_gelu: z.boolean().default(false),
  vision_cfg: visionSchema,
  text_cfg: textSchema,
  init_logit_scale: z
    .number()
    .nullish()
    .transform((scale) => scale ?? logitScaleInit),
  // The same transformers under other names, a bias of all logits, and the scale as one element.
  custom_text: z.boolean().nullish(),
  init_logit_bias: z.number().nullish(),
  nonscalar_logit_scale: z.boolean().nullish(),
});

const preprocessSchema = z.object({
  size: square().nullish(),
  mode: z.literal("RGB").nullish(),
  mean: perChannel(z.number()).nullish(),
  std: perChannel(z.number().positive()).nullish(),
  interpolation: z.literal(["bicubic", "bilinear", "random"]).nullish(), // random is for training
  resize_mode: z.literal(["shortest", "squash"]).nullish(),
});

const schema = z.object({
  model_cfg: modelSchema,
  preprocess_cfg: preprocessSchema.nullish().transform((preprocess) => preprocess ?? {}),
});

/**
 * Reads the content of an `open_clip_config.json`.
 * @param source named in the error
 * @throws with every wrong field, and those of towers that are not CLIP's
 */
export function parseOpenClipConfig(
  json: unknown,
  source: string,
): { config: ClipConfig; preprocessing: Preprocessing } {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    throw new Error(
      `${source}: not the configuration of a CLIP model with a vision transformer.\n` +
        `${firstLines(z.prettifyError(parsed.error), 7)}\nUse a model that has what is expected.`,
    );
  }
  const { model_cfg: model, preprocess_cfg: preprocess } = parsed.data;
  const { vision_cfg: vision, text_cfg: text } = model;
  checkTokenizer(text, source);
  const activation = model.quick_gelu ? "quick_gelu" : "gelu";
  const shared = (tower: typeof vision | typeof text, heads: number): ClipTransformerConfig => {
    if (!Number.isInteger(heads) || tower.width % heads !== 0) {
      throw new Error(`${source}: width ${tower.width} cannot be divided into ${heads} heads. Correct it.`);
    }
    const { width, layers, mlp_ratio: ratio, norm_kwargs: norm } = tower;
    const mlpWidth = Math.trunc(width * ratio);
    return { width, layers, heads, mlpWidth, activation, layerNormEps: norm?.eps ?? 1e-5 };
  };
  const imageSize = vision.image_size;
  const config: ClipConfig = {
    text: {
      ...shared(text, text.heads),
      vocabSize: text.vocab_size,
      contextLength: text.context_length,
      startTokenId: text.vocab_size - 2,
      padTokenId: text.vocab_size - 1,
      endTokenId: highestTokenId,
    },
    vision: { ...shared(vision, vision.width / vision.head_width), imageSize, patchSize: vision.patch_size },
    embedDim: model.embed_dim,
    logitScaleInit: model.init_logit_scale,
  };
  const openai = Preprocessing.openai();
  const { mean, std, resize_mode: resize, interpolation } = preprocess;
  // open_clip takes the size of the model, whatever preprocess_cfg says.
  const sizes = { size: imageSize, cropSize: imageSize, resize: resize ?? "shortest" };
  const filter = interpolation === "bilinear" ? interpolation : undefined;
  return {
    config,
    preprocessing: new Preprocessing({ ...sizes, mean: mean ?? openai.mean, std: std ?? openai.std, filter }),
  };
}

/**
 * `clean` names how texts are prepared. open_clip's own tokenizer lowers them by default; those of Hugging
 * Face have only their white space put in order, and lower them by themselves.
 * @throws if texts are to be prepared, shortened or framed in another way
 */
function checkTokenizer(
  { hf_tokenizer_name: name, tokenizer_kwargs: options }: TextFields,
  source: string,
): void {
  const clean = name ? "whitespace" : "lower";
  for (const [key, value] of Object.entries(options ?? {})) {
    if (value === null || value === false || value === "" || (key === "clean" && value === clean)) continue;
    const wanted = key === "clean" ? `'${clean}'` : "nothing";
    throw new Error(
      `${source}: tokenizer_kwargs, ${printable(key)}: expected ${wanted}, got ${printable(JSON.stringify(value))}, by which texts become ` +
        "other tokens. Use a model whose tokenizer has the defaults.",
    );
  }
}

/** Fields that are read by parts of models which are refused by another field. */
function unused(...names: string[]) {
  return Object.fromEntries(names.map((name) => [name, z.unknown().optional()]));
}

/** One number for each channel, or one for all. */
function perChannel(number: z.ZodNumber) {
  return z.union([z.array(number).length(3), number.transform((value) => [value, value, value])]);
}

/** Fields that may have their default values only. */
function neutral(defaults: Record<string, string | number | boolean | null>) {
  return Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, z.literal(value).nullish()]),
  );
}

function square() {
  const pair = z.tuple([size, size]).refine(([height, width]) => height === width, "expected a square");
  return z.union([size, pair.transform(([side]) => side)]);
}

import type { PretrainingRecipe, TowerSize } from "./recipe.js";
import { buildMiniatureTokenizer } from "./tokenizer.js";

/** Content of the files beside `model.safetensors`, by file name. */
export type MiniatureModelFiles = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const clipMean = [0.48145466, 0.4578275, 0.40821073];
const clipStd = [0.26862954, 0.26130258, 0.27577711];

/** Configuration, tokenizer and preprocessing files of the miniature CLIP in Hugging Face's layout. */
export function miniatureModelFiles(recipe: PretrainingRecipe): MiniatureModelFiles {
  const { tokenizer, config, ...vocabulary } = buildMiniatureTokenizer(recipe.contextLength);
  const { vocabSize, startTokenId, endTokenId } = vocabulary;
  const size = recipe.imageSize;
  return {
    "config.json": {
      architectures: ["CLIPModel"],
      model_type: "clip",
      projection_dim: recipe.embedDim,
      logit_scale_init_value: Math.log(1 / 0.07),
      text_config: {
        model_type: "clip_text_model",
        ...tower(recipe.text, recipe.embedDim),
        vocab_size: vocabSize,
        max_position_embeddings: recipe.contextLength,
        bos_token_id: startTokenId,
        eos_token_id: endTokenId,
        pad_token_id: endTokenId,
      },
      vision_config: {
        model_type: "clip_vision_model",
        ...tower(recipe.vision, recipe.embedDim),
        image_size: size,
        patch_size: recipe.patchSize,
        num_channels: 3,
      },
    },
    "tokenizer.json": tokenizer,
    "tokenizer_config.json": config,
    "preprocessor_config.json": {
      image_processor_type: "CLIPImageProcessor",
      do_convert_rgb: true,
      do_resize: true,
      size: { shortest_edge: size },
      resample: 3,
      do_center_crop: true,
      crop_size: { height: size, width: size },
      do_rescale: true,
      rescale_factor: 1 / 255,
      do_normalize: true,
      image_mean: clipMean,
      image_std: clipStd,
    },
  };
}

function tower({ width, layers, heads }: TowerSize, embedDim: number) {
  return {
    hidden_size: width,
    intermediate_size: 4 * width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    projection_dim: embedDim,
    hidden_act: "quick_gelu",
    layer_norm_eps: 1e-5,
    attention_dropout: 0,
    dropout: 0,
  };
}

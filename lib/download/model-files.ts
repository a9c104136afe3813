import { tokenizerFiles } from "../clip/tokenizer-files.js";

/**
 * Names of the files that a CLIP model consists of, in the root of its repository; the rest of a repository
 * is left there.
 */
const descriptionFiles: ReadonlySet<string> = new Set([
  "config.json",
  "open_clip_config.json",
  "preprocessor_config.json",
  "processor_config.json",
  ...tokenizerFiles,
]);

/** Forms of the weights, the best first. Pickled ones can hold code, so they are the last resort. */
const openClipForms: readonly RegExp[] = [/^open_clip_model\.safetensors$/, /^open_clip_pytorch_model\.bin$/];
const weightForms: readonly RegExp[] = [
  /^model\.safetensors$/,
  /^model(-\d{5}-of-\d{5}\.safetensors|\.safetensors\.index\.json)$/,
  openClipForms[0]!,
  /^pytorch_model\.bin$/,
  /^pytorch_model(-\d{5}-of-\d{5}\.bin|\.bin\.index\.json)$/,
  openClipForms[1]!,
];

/**
 * The file that tells whose weights are the CLIP, where a repository has those of open_clip and others. In
 * timm's, the others are an image tower.
 */
export function decidingFile<File extends { readonly path: string }>(
  files: readonly File[],
): File | undefined {
  const has = (form: RegExp): boolean => files.some(({ path }) => form.test(path));
  const isMixed =
    has(/^open_clip_config\.json$/) &&
    openClipForms.some(has) &&
    weightForms.some((form) => !openClipForms.includes(form) && has(form));
  return isMixed ? files.find(({ path }) => path === "config.json") : undefined;
}

/** Whether the content of a `config.json` is a configuration of transformers, which timm's are not. */
export function isTransformersConfig(content: string): boolean {
  try {
    const config = JSON.parse(content);
    return ["model_type", "text_config", "vision_config"].some((key) => Object.hasOwn(config, key));
  } catch {
    return true; // what is wrong with it is said where it is read
  }
}

/**
 * Chooses the files that make up a model: configuration, tokenizer, preprocessing, and the weights in one
 * form. The order is that of their worth for a reader: weights first, `config.json` last. As only known names
 * are chosen, none leads out of the model's folder.
 * @param isOpenClip whether the weights are open_clip's alone, as in the repositories of timm
 * @throws if there is no configuration or no weights
 */
export function chooseModelFiles<File extends { readonly path: string }>(
  files: readonly File[],
  repository: string,
  isOpenClip = false,
): File[] {
  const forms = isOpenClip ? openClipForms : weightForms;
  const form = forms.find((form) => files.some(({ path }) => form.test(path)));
  const weights = form ? files.filter(({ path }) => form.test(path)) : [];
  const descriptions = files.filter(({ path }) => descriptionFiles.has(path));
  const config = descriptions.find(({ path }) => path === "config.json" || path === "open_clip_config.json");
  if (weights.length === 0 || config === undefined) {
    const names = files.map(({ path }) => path).join(", ");
    throw new Error(
      `${repository}: expected a model with ${config ? "weights in safetensors or PyTorch files" : "a config.json"}, found ${names || "no files"}. Name the repository of a CLIP model.`,
    );
  }
  return [...weights, ...descriptions.filter((file) => file !== config), config];
}

/** Whether weights can only be read as pickles. */
export function arePickled(names: readonly string[]): boolean {
  return !names.some((name) => name.endsWith(".safetensors"));
}

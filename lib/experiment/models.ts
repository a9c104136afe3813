import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import type { miniature } from "../data/index.js";
import { isRepository } from "../download/index.js";
import { packageRoot } from "../files/index.js";
import {
  defaultDecodeTimeoutSeconds,
  defaultLimitInputPixels,
  inputShape,
  modelShape,
} from "../options/index.js";
import { isRun } from "../records/index.js";
import { cacheDirectory } from "./cache-directory.js";

const assets = join(packageRoot, "assets");

/** The folders of the models that come with codyra, by name. */
const embeddedModels: Readonly<Record<miniature.MiniatureName, string>> = {
  miniature: join(assets, "miniature-clip"),
  "miniature-v2": join(assets, "miniature-clip-v2"),
};

/** The folder of the miniature CLIP that is used unless another model is named. */
export const miniatureModel = embeddedModels.miniature;

/** The folder to which `codyra download` puts a model by default. @param repository `owner/name` */
export function downloadedModel(repository: string): string {
  return join(cacheDirectory(), "models", repository);
}

const modelSchema = z.object({ ...modelShape, ...inputShape, model: z.string() });

/** Settings of the start model and its inputs, as configurations have them and runs record them. */
export type ModelSettings = Readonly<z.input<typeof modelSchema>>;

/**
 * The settings of the model and its inputs alone, of flags, a configuration or a record; those not given are
 * left out.
 */
export function modelSettings(given: Readonly<Record<string, unknown>>): ModelSettings {
  const { model, tokenizer, activation, allowPickle, truncate, orient, transparency, ...limits } =
    modelSchema.parse(given);
  const { limitInputPixels, decodeTimeoutSeconds } = limits;
  return {
    model,
    ...(tokenizer !== undefined && { tokenizer }),
    ...(activation !== undefined && { activation }),
    ...(allowPickle && { allowPickle }),
    ...(truncate && { truncate }),
    ...(orient && { orient }),
    ...(transparency !== "drop" && { transparency }),
    ...(limitInputPixels !== defaultLimitInputPixels && { limitInputPixels }),
    ...(decodeTimeoutSeconds !== defaultDecodeTimeoutSeconds && { decodeTimeoutSeconds }),
  };
}

/** A model's name with a path in it made absolute. @param folder that the path is relative to */
export function locateModel(model: string, folder: string): string {
  const path = resolve(folder, model);
  return embeddedModel(model) === undefined && existsSync(path) ? path : model;
}

function embeddedModel(name: string): string | undefined {
  return Object.hasOwn(embeddedModels, name) ? embeddedModels[name as miniature.MiniatureName] : undefined;
}

/**
 * The path of a model that a user names: `miniature` or `miniature-v2`, a path, or `owner/name` of a
 * downloaded one. A path goes before a download.
 * @throws if there is none
 */
export function resolveModel(model: string): string {
  const embedded = embeddedModel(model);
  if (embedded !== undefined) return embedded;
  if (isRun(model)) {
    throw new Error(
      `${model}: the folder of a run: expected a model. Write what it learned as one with: codyra export --run ${model} --to DIR`,
    );
  }
  if (existsSync(model)) return resolve(model);
  if (!isRepository(model)) {
    throw new Error(
      `${model}: expected a model's folder or file, but there is none. Check the path, or give owner/name of a model on the hub.`,
    );
  }
  const directory = downloadedModel(model);
  if (existsSync(directory)) return directory;
  throw new Error(
    `${model}: expected a path or a downloaded model, but there is neither. Fetch it with: codyra download ${model}`,
  );
}

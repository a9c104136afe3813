import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "../../files/index.js";
import { checkOptions } from "../../options/index.js";
import { Random } from "../random.js";
import type { Draw } from "./concepts/index.js";
import { miniatureDomain } from "./domains.js";
import { mixtureDrawing } from "./mixture.js";
import { type MixtureName, miniatureRecipe } from "./recipe.js";
import { rasterize } from "./render.js";
import type { CaptionedDrawing } from "./subjects.js";
import { wideMixtureDrawing } from "./wide-mixture.js";

/** Raise when a drawing changes, so that cached images are drawn anew. */
const worldVersion = 1;

/** Which images of a domain: a split never shares a picture with another. */
export interface DomainImagesOptions {
  readonly split: "train" | "test";
  readonly perClass: number;
  readonly seed: number;
  /** Side of the square images in pixels. */
  readonly size: number;
  /** Folder in which drawn images are kept; without it they are drawn every time. */
  readonly cacheDirectory?: string;
}

export interface DomainImages {
  /** RGB bytes, `[classes · perClass, size, size, 3]`, class after class. */
  readonly images: Uint8Array;
  /** Index into the domain's classes, `[classes · perClass]`. */
  readonly labels: Int32Array;
}

const mixtures: Readonly<Record<MixtureName, (random: Random) => CaptionedDrawing>> = {
  plain: mixtureDrawing,
  wide: wideMixtureDrawing,
};

/** Which pairs of a pre-training mixture; the embedded models were trained on those of seed 0. */
export interface PretrainingPairsOptions {
  /** Default: that of the embedded model. */
  readonly mixture?: MixtureName;
  readonly count: number;
  readonly seed: number;
  /** Side of the square images in pixels. */
  readonly size: number;
  /** Folder in which drawn images are kept; without it they are drawn every time. */
  readonly cacheDirectory?: string;
}

export interface PretrainingPairs {
  /** RGB bytes, `[count, size, size, 3]`. */
  readonly images: Uint8Array;
  readonly captions: readonly string[];
}

/**
 * Draws labelled images of a domain. Image `i` of a class depends only on the seed, split, domain, class and
 * `i`. Fewer images per class are thus a prefix of more.
 * @throws if no domain has that name
 */
export async function drawDomain(name: string, options: DomainImagesOptions): Promise<DomainImages> {
  const { group, style, classes } = miniatureDomain(name);
  const keys = { split: true, perClass: true, seed: true, size: true, cacheDirectory: true } as const;
  checkOptions(options, keys, "drawDomain");
  const { split, perClass, seed, size, cacheDirectory } = options;
  const labels = Int32Array.from({ length: classes.length * perClass }, (_, i) => Math.floor(i / perClass));
  const drawing = (i: number) => {
    const label = classes[labels[i] as number] as string;
    return style(
      group.concepts[label] as Draw,
      new Random(`${seed}/${split}/${name}/${label}/${i % perClass}`),
    );
  };
  const draw = () => rasterize(labels.length, drawing, size);
  if (cacheDirectory === undefined) return { images: await draw(), labels };
  const file = `miniature-v${worldVersion}-${name}-${split}-${perClass}x${size}px-seed${seed}.rgb`;
  return { images: await cached(join(cacheDirectory, file), labels.length * size * size * 3, draw), labels };
}

/** Draws image–caption pairs of a pre-training mixture; pair `i` depends only on the seed and `i`. */
export async function drawPretrainingPairs(options: PretrainingPairsOptions): Promise<PretrainingPairs> {
  const keys = { mixture: true, count: true, seed: true, size: true, cacheDirectory: true } as const;
  checkOptions(options, keys, "drawPretrainingPairs");
  const { mixture = miniatureRecipe.mixture, count, seed, size, cacheDirectory } = options;
  const pair = (i: number) => mixtures[mixture](new Random(`${seed}/mixture/${i}`));
  const draw = () => rasterize(count, (i) => pair(i).drawing, size);
  const captions = Array.from({ length: count }, (_, i) => pair(i).caption);
  if (cacheDirectory === undefined) return { images: await draw(), captions };
  const name = mixture === "plain" ? "mixture" : `${mixture}-mixture`;
  const file = `miniature-v${worldVersion}-${name}-${count}x${size}px-seed${seed}.rgb`;
  return { images: await cached(join(cacheDirectory, file), count * size * size * 3, draw), captions };
}

/**
 * The file's bytes; when it is absent or was cut short, `make` provides them and they are kept for next time.
 */
async function cached(file: string, length: number, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  if (exists) {
    const kept = await readFile(file);
    if (kept.length === length) return new Uint8Array(kept.buffer, kept.byteOffset, kept.length);
  }
  const made = await make();
  writeFileAtomically(file, made);
  return made;
}

import { extname } from "node:path";
import { decodeText } from "../../options/index.js";
import type { Example } from "../types.js";
import { imageExtensions } from "./image-extensions.js";
import { isJunkPath } from "./junk.js";
import { findAllShards, type Patterns, type Shard, tarShards } from "./shards.js";
import { TarFile, type TarMember } from "./tar.js";
import { TarExample } from "./tar-example.js";

/** An image and what is said of it. */
export interface CaptionedExample {
  readonly example: Example;
  /** One or several. */
  readonly captions: readonly string[];
}

/**
 * Images and captions in WebDataset shards. The captions of `a.jpg` are the lines of `a.txt`, as
 * clip_benchmark has them, or the files `a.0.txt`, `a.1.txt` …. Without any, the caption is `caption` in
 * `a.json`, as img2dataset writes it.
 * @param source shards, a folder of them, or patterns such as `pairs-{000..012}.tar`
 * @throws if a shard is missing, compressed or damaged, or an image has no caption
 */
export async function readCaptionedShards(source: Patterns): Promise<CaptionedExample[]> {
  const shards = await findAllShards("captions", source, tarShards);
  const found: CaptionedExample[] = [];
  for (const shard of shards) found.push(...(await readShard(shard)));
  return found;
}

async function readShard(shard: Shard): Promise<CaptionedExample[]> {
  const archive = await TarFile.open(shard.file);
  const images = new Map<string, TarMember>();
  const captions = new Map<string, string[]>();
  const described = new Map<string, string[]>();
  try {
    for await (const member of archive.members()) {
      const extension = extname(member.path).toLowerCase();
      const key = member.path.slice(0, member.path.length - extension.length);
      if (isJunkPath(member.path)) continue;
      if (imageExtensions.has(extension)) addImage(shard, images, key, member);
      else if (extension === ".txt") captions.set(key, linesOf(await textOf(archive, member)));
      else if (extension === ".json")
        described.set(key, captionsIn(shard, member, await textOf(archive, member)));
    }
  } finally {
    await archive.close();
  }
  for (const [key, lines] of [...captions]) {
    const owner = images.has(key) ? undefined : key.slice(0, key.lastIndexOf("."));
    if (owner !== undefined && images.has(owner))
      captions.set(owner, [...(captions.get(owner) ?? []), ...lines]);
  }
  if (images.size === 0) {
    throw new Error(
      `${shard.file}: expected images with captions, got no image. Check what the shard holds.`,
    );
  }
  return Array.from(images, ([key, member]) => {
    const own = captions.get(key) ?? described.get(key) ?? [];
    if (own.length > 0) return { example: new TarExample(shard, member, 0), captions: own };
    throw new Error(
      `${shard.file}: expected a caption of ${member.path} in ${key}.txt, got none. Add it, or leave the image out.`,
    );
  });
}

function addImage(shard: Shard, images: Map<string, TarMember>, key: string, member: TarMember): void {
  const first = images.get(key);
  if (first !== undefined) {
    throw new Error(
      `${shard.file}: expected one image in a sample, got ${first.path} and ${member.path}. Rename one.`,
    );
  }
  images.set(key, member);
}

async function textOf(archive: TarFile, { path, offset, size }: TarMember): Promise<string> {
  return decodeText(await archive.read(offset, size), `${archive.file}: ${path}`);
}

function linesOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function captionsIn(shard: Shard, { path }: TarMember, text: string): string[] {
  try {
    const content = JSON.parse(text) as { caption?: unknown; captions?: unknown } | null;
    return [content?.captions ?? content?.caption].flat().filter((caption) => typeof caption === "string");
  } catch (cause) {
    throw new Error(`${shard.file}: ${path}: expected JSON: ${(cause as Error).message}. Correct it.`, {
      cause,
    });
  }
}

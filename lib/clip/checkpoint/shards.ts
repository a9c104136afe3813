import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { decodeText, firstLines } from "../../options/index.js";
import { notJson, readSmallFile } from "../files.js";

/** Also those of a variant, `model.safetensors.index.fp16.json`. */
const indexPattern = /\.index(\.[\w-]+)?\.json$/;
const shardPattern = /-(\d{5})-of-(\d{5})\.\w+$/;

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** A file with a part of the weights. */
export interface Shard {
  readonly path: string;
  /** Whether the index leaves a tensor of this name to this file. */
  readonly holds: (name: string) => boolean;
}

/** Whether a file, by its name, says in which files the weights are. */
export function isIndex(path: string): boolean {
  return indexPattern.test(path);
}

/** The files that an index names. @throws if it is broken, or one is missing or lies elsewhere */
export function shardsOf(path: string): Shard[] {
  const content = readSmallFile(path);
  let json: unknown;
  try {
    json = JSON.parse(decodeText(content, path));
  } catch (cause) {
    throw notJson(content, path, cause as Error);
  }
  const parsed = indexSchema.safeParse(json);
  if (!parsed.success) {
    throw new Error(
      `${path}: not an index of weights.\n${firstLines(z.prettifyError(parsed.error), 7)}\nDownload it again.`,
    );
  }
  const files = new Map(Object.entries(parsed.data.weight_map));
  return Array.from(new Set(files.values()), (name) => {
    const shard = join(dirname(path), name);
    if (name !== basename(name) || isIndex(name)) {
      throw new Error(`${path}: names '${name}': expected weights in its own folder. Download it again.`);
    }
    if (!existsSync(shard)) throw new Error(`${shard} is missing, which ${path} names. Download it too.`);
    return { path: shard, holds: (tensor) => (files.get(tensor) ?? name) === name };
  });
}

/** @throws if a file, by its name, is one of several parts */
export function checkNoShard(path: string): void {
  const [, part, count] = shardPattern.exec(path) ?? [];
  if (part === undefined || Number(count) < 2) return;
  throw new Error(
    `${path}: part ${Number(part)} of ${Number(count)} of a model's weights: expected all of them. ` +
      "Give the folder, or the .index.json that lies beside the parts.",
  );
}

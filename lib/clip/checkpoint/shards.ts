import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { decodeText, firstLines } from "../../options/index.js";
import { notJson, readSmallFile } from "../files.js";

/** Also those of a variant, `model.safetensors.index.fp16.json`. */
const indexPattern = /\.index(\.[\w-]+)?\.json$/;
const shardPattern = /^(.*)-(\d{5})-of-(\d{5})(\.\w+)$/;

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

/** The names of the files that an index leaves tensors to; none if it is one of something else. */
export function filesInIndex(path: string): Set<string> {
  const index = attempt(() => indexSchema.parse(JSON.parse(decodeText(readSmallFile(path), path))));
  return new Set(Object.values(index?.weight_map ?? {}));
}

/**
 * A name such as `epoch-00002-of-00010` may be that of a whole model: an index, or a file beside it, tells.
 * @param names those of the file's tensors   @param namesIn reads those of another file
 * @throws if a file is one of several parts
 */
export function checkNoShard(path: string, names: Names, namesIn: (path: string) => Names): void {
  const part = partOf(path);
  if (part === undefined) return;
  const folder = dirname(path);
  const files = readdirSync(folder);
  const indices = files.filter(isIndex).map((file) => filesInIndex(join(folder, file)));
  const isIndexed = indices.some((named) => named.size > 1 && named.has(basename(path)));
  const other = files.find((file) => file !== basename(path) && partOf(file)?.all === part.all);
  const others = other && attempt(() => namesIn(join(folder, other)));
  if (isIndexed || (others && lackEachOther(names, others))) throw new Error(`${path}: ${part.what}`);
}

type Names = ReadonlyMap<string, unknown>;

function lackEachOther(some: Names, others: Names): boolean {
  const lacks = (these: Names, those: Names): boolean => [...those.keys()].some((name) => !these.has(name));
  return lacks(some, others) && lacks(others, some);
}

/** @returns `undefined` where a file is damaged, which is no fault of the one beside it */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** An error about the weights of a file, with what its name says if that is one of several parts. */
export function explainPart(error: unknown, path: string): unknown {
  const part = partOf(path);
  if (part === undefined || !(error instanceof Error)) return error;
  return new Error(`${error.message}\nBy its name it is ${part.what}`, { cause: error });
}

/** The parts that a file's name counts it to, and what it is. */
function partOf(path: string): { readonly all: string; readonly what: string } | undefined {
  const [, name, part, count, extension] = shardPattern.exec(basename(path)) ?? [];
  if (part === undefined || Number(count) < 2) return undefined;
  const what =
    `part ${Number(part)} of ${Number(count)} of a model's weights: expected all of them. ` +
    "Give the folder, or the .index.json that lies beside the parts.";
  return { all: `${name} ${count}${extension}`, what };
}

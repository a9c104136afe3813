import { cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Dataset, Example } from "../../../lib/data/index.js";
import { temporaryFolder } from "../images.js";

const folder = temporaryFolder();
let trees = 0;

/**
 * Files by path: their content, or where to copy them from. Images are empty, because opening a dataset does
 * not look into them.
 */
export type Tree = Readonly<Record<string, string | Uint8Array | URL>>;

/** Makes a folder with these files. */
export async function plant(tree: Tree): Promise<string> {
  const root = join(folder, String(++trees));
  for (const [path, content] of Object.entries(tree)) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    if (content instanceof URL) await cp(content, target, { recursive: true });
    else await writeFile(target, content);
  }
  return root;
}

/** Empty files. */
export function images(...paths: string[]): Tree {
  return Object.fromEntries(paths.map((path) => [path, ""]));
}

/** A tree inside of a folder. */
export function inside(folderName: string, tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([path, content]) => [`${folderName}/${path}`, content]),
  );
}

export function fixture(path: string): URL {
  return new URL(`fixtures/${path}`, import.meta.url);
}

type Item = readonly [path: string, label: number, name: string];

/** A split file of CoOp. */
export function coopSplit(train: Item[], val: Item[], test: Item[]): string {
  return JSON.stringify({ train, val, test });
}

/** "label name" of every example, by part. */
export function listed({ train, validation, test }: Dataset) {
  const list = (examples: readonly Example[]) => examples.map(({ name, label }) => `${label} ${name}`);
  return { train: list(train), validation: list(validation), test: list(test) };
}

import { dirname } from "node:path";
import { coopGuide } from "./archives.js";
import type { Contents } from "./descriptor.js";
import { readLines } from "./files.js";
import type { FoundLayout } from "./layout.js";
import { numbers, readMatlab, structures, text } from "./matlab.js";

/** A class of ILSVRC 2012. */
interface Synset {
  /** From 1 to 1,000. */
  readonly id: number;
  readonly wnid: string;
  /** Names of one meaning, separated by commas. */
  readonly words: string;
}

/** The folder `data` of the development kit. */
export async function findDevkit(layout: FoundLayout): Promise<string | undefined> {
  const meta = await layout.companion("ILSVRC2012_devkit_t12/data/meta.mat");
  return meta && dirname(meta);
}

/** @param devkit its folder `data` @throws if its list of classes is missing or damaged */
export async function readSynsets(devkit: string): Promise<Synset[]> {
  const path = `${devkit}/meta.mat`;
  const synsets = structures((await readMatlab(path, "synsets"))[0], path);
  // Inner nodes of the hierarchy have children and are no classes.
  const classes = synsets.filter((synset) => numbers(synset.get("num_children"), path)[0] === 0);
  return classes.map((synset) => ({
    id: numbers(synset.get("ILSVRC2012_ID"), path)[0] ?? 0,
    wnid: text(synset.get("WNID"), path),
    words: text(synset.get("words"), path),
  }));
}

/**
 * Names of WordNet ids, which need not differ: CLIP's, from `classnames.txt` as CoOp has it; otherwise
 * WordNet's first.
 * @throws if no list of names is there, or one lacks an id
 */
export async function synsetNames(
  layout: FoundLayout,
  wnids: readonly string[],
): Promise<Pick<Contents, "classes" | "warnings">> {
  const clipList = await layout.companion("classnames.txt");
  if (clipList !== undefined) return { classes: pick(await readNames(clipList), wnids, clipList) };

  const kaggleList = await layout.companion("LOC_synset_mapping.txt");
  const devkit = await findDevkit(layout);
  const path = kaggleList ?? devkit;
  if (path === undefined) {
    throw new Error(
      `${layout.folder}: expected a list of class names, got none. Put classnames.txt there; CoOp's guide ` +
        `links to it: ${coopGuide}`,
    );
  }
  const names = kaggleList
    ? await readNames(kaggleList)
    : new Map((await readSynsets(path)).map(({ wnid, words }) => [wnid, words]));
  return {
    classes: pick(names, wnids, path).map((words) => words.split(",")[0] as string),
    warnings: [
      `imagenet1k: class names are WordNet's (${path}); published results use CLIP's, from classnames.txt of CoOp.`,
    ],
  };
}

/** Lines of a WordNet id and a name. */
async function readNames(path: string): Promise<Map<string, string>> {
  const lines = await readLines(path);
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]));
}

function pick(names: ReadonlyMap<string, string>, wnids: readonly string[], path: string): string[] {
  return wnids.map((wnid) => {
    const name = names.get(wnid);
    if (name !== undefined) return name;
    throw new Error(`${path}: expected a name of ${wnid}, got none. Download the list again.`);
  });
}

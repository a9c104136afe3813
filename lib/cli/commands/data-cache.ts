import { Command, InvalidArgumentError } from "commander";
import type { ImageCache } from "../../data/index.js";
import { jsonText } from "../../files/index.js";
import { print } from "../output/print.js";

interface CacheFlags {
  clear?: boolean;
  olderThan?: number;
  json?: boolean;
}

/** `codyra data cache`: what the cache of decoded images holds, and clearing it. */
export function dataCacheCommand(): Command {
  return new Command("cache")
    .description("Show or clear the cache of decoded images.")
    .option("--clear", "remove instead of showing; what a running process is writing stays")
    .option("--older-than <days>", "only images that were not used for so many days", parseDays)
    .option("--json", "print JSON, with sizes in bytes")
    .addHelpText(
      "after",
      `
Images are decoded and resized once and then read from here. Everything in the cache is made again when it is needed. It is in the folder
codyra/images of XDG_CACHE_HOME, which by default is ~/.cache (on macOS ~/Library/Caches).

Examples:
  $ codyra data cache
  $ codyra data cache --clear --older-than 30`,
    )
    .action(async ({ clear, olderThan, json }: CacheFlags) => {
      const { ImageCache } = await import("../../data/index.js");
      const { imageCacheDirectory } = await import("../../experiment/index.js");
      const cache = new ImageCache(imageCacheDirectory());
      const unusedSince = olderThan === undefined ? undefined : new Date(Date.now() - olderThan * dayMs);
      const [result, text] = clear
        ? await clearCache(cache, unusedSince)
        : await showCache(cache, unusedSince);
      print(json ? jsonText(result) : `${text}\n`);
    });
}

const dayMs = 24 * 3600 * 1000;

type Output = [result: unknown, text: string];

async function clearCache(cache: ImageCache, unusedSince?: Date): Promise<Output> {
  const cleared = await cache.clear({ unusedSince });
  const { freedBytes, beingWritten } = cleared;
  const left = beingWritten > 0 ? `; ${beingWritten} being written were left` : "";
  return [
    { directory: cache.directory, ...cleared },
    `Freed ${mebibytes(freedBytes)} MiB in ${cache.directory}${left}.`,
  ];
}

async function showCache(cache: ImageCache, unusedSince?: Date): Promise<Output> {
  const lists = await cache.list({ unusedSince });
  const bytes = lists.reduce((sum, list) => sum + list.bytes, 0);
  const rows = lists.map((list) => [
    list.name,
    `${list.count}`,
    list.transform,
    `${mebibytes(list.bytes)}${list.isComplete ? "" : " so far"}`,
    formatTime(list.lastUse),
  ]);
  const table = alignColumns([["Name", "Images", "Transform", "MiB", "Last use"], ...rows]);
  const total = `${mebibytes(bytes)} MiB in ${cache.directory}`;
  return [
    { directory: cache.directory, lists, bytes },
    lists.length === 0 ? `Nothing in ${cache.directory}.` : `${table}\n\n${total}`,
  ];
}

function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, j) => Math.max(...rows.map((row) => (row[j] as string).length))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, j) => cell.padEnd(widths[j] as number))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

/** Local date and time to the minute. */
function formatTime(time: Date): string {
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16).replace("T", " ");
}

function parseDays(text: string): number {
  const days = Number(text);
  if (text.trim() === "" || !(days >= 0 && days < Number.POSITIVE_INFINITY)) {
    throw new InvalidArgumentError("Expected a number of days of 0 or more.");
  }
  return days;
}

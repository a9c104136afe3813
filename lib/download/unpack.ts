import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { type LockOptions, withLock } from "../files/index.js";
import { type ExtractOptions, extractArchive } from "./extract.js";
import { Inflation } from "./inflation.js";

export interface UnpackOptions extends Pick<ExtractOptions, "signal" | "onProgress">, LockOptions {
  /** Archives inside the archive become folders of their names. */
  readonly nested?: boolean;
}

/**
 * Unpacks parts of an archive to their places below a folder. Each appears there whole or not at all; those
 * that are there are left alone, so that an interrupted call can be repeated.
 * @param contents places of the archive's files and folders, relative to `root`; `.` is the whole archive
 * @throws if the archive is damaged or unsafe, lacks one of the parts, or the disk is full
 */
export async function unpack(
  archive: string,
  root: string,
  contents: Readonly<Record<string, string>>,
  options: UnpackOptions = {},
): Promise<void> {
  const staging = join(root, `.${basename(archive)}.part`);
  const unpackAlone = async (): Promise<void> => {
    const missing = Object.entries(contents).filter(([, to]) => !existsSync(join(root, to)));
    if (missing.length === 0) return;
    const parts = missing.map(([from]) => from);
    await rm(staging, { recursive: true, force: true });
    try {
      const inflation = new Inflation(archive, (await stat(archive)).size); // of those inside, too
      const wants = (path: string): boolean => isPartOf(path, parts, options);
      await extractArchive(archive, staging, { ...options, wants, inflation });
      if (options.nested) await extractNested(staging, parts, { ...options, inflation });
      for (const [from, to] of missing) {
        const part = join(staging, from);
        if (!existsSync(part)) {
          throw new Error(
            `${archive}: expected it to hold ${from}, but it does not. Check that it is the right archive, or download it again.`,
          );
        }
        await mkdir(dirname(join(root, to)), { recursive: true });
        await rename(part, join(root, to));
      }
    } finally {
      await rm(staging, { recursive: true, force: true, maxRetries: 3 });
    }
  };
  await mkdir(root, { recursive: true });
  await withLock(staging, unpackAlone, options);
}

async function extractNested(
  staging: string,
  parts: readonly string[],
  { signal, inflation }: UnpackOptions & Pick<ExtractOptions, "inflation">,
): Promise<void> {
  for (const entry of await readdir(staging, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const folder = withoutSuffix(file);
    if (!entry.isFile() || folder === file) continue;
    const place = relative(staging, folder);
    const wants = (path: string): boolean => isPartOf(join(place, path), parts, {});
    await extractArchive(file, folder, { signal, inflation, wants });
    await rm(file);
  }
}

/** Whether a path lies in one of the parts, or a nested archive holds one. */
function isPartOf(path: string, parts: readonly string[], { nested = false }: UnpackOptions): boolean {
  return parts.some(
    (part) =>
      part === "." ||
      path === part ||
      path.startsWith(`${part}/`) ||
      (nested && part.startsWith(`${withoutSuffix(path)}/`)),
  );
}

function withoutSuffix(path: string): string {
  return path.replace(/\.(tar|tar\.gz|tgz|zip)$/, "");
}

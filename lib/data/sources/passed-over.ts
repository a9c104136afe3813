import { extname } from "node:path";

/** Extensions of photographs that cannot be decoded, as phones and cameras write them. */
const undecodable = new Set([
  ".heic",
  ".heif",
  ".jp2",
  ".jxl",
  ".dng",
  ".cr2",
  ".cr3",
  ".nef",
  ".arw",
  ".tga",
]);

/** Counts the files that are not used, so that it can be said. */
export class PassedOver {
  readonly #counts = new Map<string, number>();
  #used = 0;

  /** @param kind such as an extension */
  add(kind: string, count = 1): void {
    if (count > 0) this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
  }

  /** Counts a file by its extension. */
  addFile(name: string): void {
    this.add(kindOfFile(name));
  }

  use(count = 1): void {
    this.#used += count;
  }

  /** Such as "24 of 32 files were passed over: .bmp (8), .heic (16)."; nothing if all were used. */
  warnings(): string[] {
    const kinds = [...this.#counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    const count = kinds.reduce((sum, [, n]) => sum + n, 0);
    if (count === 0) return [];
    const shown = kinds.slice(0, 8).map(([kind, n]) => `${kind} (${n})`);
    const more = kinds.length > shown.length ? ` and ${kinds.length - shown.length} more kinds` : "";
    const was = count === 1 ? "was" : "were";
    const photos = kinds.map(([kind]) => kind).filter((kind) => undecodable.has(kind));
    const advice =
      photos.length > 0 ? ` Convert ${photos.slice(0, 3).join(" and ")} to JPEG to use them.` : "";
    return [
      `${count} of ${count + this.#used} files ${was} passed over: ${shown.join(", ")}${more}.${advice}`,
    ];
  }
}

/** A file's extension. */
export function kindOfFile(name: string): string {
  return extname(name).toLowerCase() || "without extension";
}

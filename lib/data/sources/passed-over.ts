import { extname } from "node:path";

/** Counts the files that are not used, so that it can be said. */
export class PassedOver {
  readonly #counts = new Map<string, number>();
  #used = 0;

  /** @param kind such as an extension */
  add(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
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
    return [`${count} of ${count + this.#used} files ${was} passed over: ${shown.join(", ")}${more}.`];
  }
}

/** A file's extension. */
export function kindOfFile(name: string): string {
  return extname(name).toLowerCase() || "without extension";
}

/** An archive wants to become far larger than archives do. */
export class InflationError extends Error {
  override readonly name = "InflationError";
}

/** Bounds on an archive's content: a hundred times its size, and this much in any case. */
const factor = 100;
const always = 64 * 2 ** 20;
const mostEntries = 10_000_000;

/** Counts what comes out of an archive, and of archives inside of it. */
export class Inflation {
  #bytes = 0;
  #entries = 0;
  readonly #limit: number;

  /** @param size bytes of the archive */
  constructor(
    readonly archive: string,
    size: number,
  ) {
    this.#limit = always + factor * size;
  }

  /** @throws InflationError if it is too much by now */
  addBytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes > this.#limit) this.#fail(`${this.#limit} bytes, a hundred times its size`);
  }

  /** @throws InflationError if there are too many by now */
  addEntry(): void {
    if (++this.#entries > mostEntries) this.#fail(`${mostEntries} files and folders`);
  }

  #fail(most: string): never {
    throw new InflationError(
      `${this.archive}: expected at most ${most}, but more comes out of it. Nothing of it is kept; get the archive from its official page.`,
    );
  }
}

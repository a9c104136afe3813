interface Entry<V> {
  readonly value: Promise<V>;
  /** Zero until the value is there. */
  bytes: number;
}

/**
 * Keeps what was loaded until it takes more than `maxBytes`; then what was not used for longest goes first.
 * The value just loaded stays, however large it is. Requests for a key that is being loaded wait for the same
 * value.
 */
export class BoundedCache<K, V> {
  readonly #entries = new Map<K, Entry<V>>();
  #bytes = 0;

  constructor(
    readonly maxBytes: number,
    readonly sizeOf: (value: V) => number,
  ) {}

  /** The value of a key, loaded if it is not there. A failure is not kept. */
  async get(key: K, load: () => Promise<V>): Promise<V> {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, known); // a map keeps the order of insertion: last is newest
      return known.value;
    }
    const entry: Entry<V> = { value: load(), bytes: 0 };
    this.#entries.set(key, entry);
    try {
      const value = await entry.value;
      entry.bytes = this.sizeOf(value);
      this.#bytes += entry.bytes;
      this.#makeRoom(entry);
      return value;
    } catch (error) {
      this.#entries.delete(key);
      throw error;
    }
  }

  #makeRoom(latest: Entry<V>): void {
    for (const [key, entry] of this.#entries) {
      if (this.#bytes <= this.maxBytes) return;
      if (entry === latest || entry.bytes === 0) continue;
      this.#entries.delete(key);
      this.#bytes -= entry.bytes;
    }
  }
}

/**
 * A small seeded generator: a 32-bit Weyl counter, mixed by two rounds of multiply-xorshift.
 * The same key gives the same sequence on every platform, so a picture is named by its key.
 */
export class Random {
  #counter: number;

  /** @param key any text; different keys give independent sequences */
  constructor(key: string) {
    this.#counter = mix(hash(key));
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#counter = (this.#counter + 0x9e3779b9) | 0;
    return mix(this.#counter) / 0x1_0000_0000;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** An integer in [0, count). */
  integer(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of the items, each equally likely. */
  choice<T>(items: readonly T[]): T {
    if (items.length === 0)
      throw new Error("Random.choice: expected at least one item, got none. Pass a non-empty list.");
    return items[this.integer(items.length)] as T;
  }
}

/** FNV-1a over UTF-16 code units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value;
}

function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

import { describe, expect, it } from "vitest";
import { BoundedCache } from "../../../lib/data/sources/bounded-cache.js";

const loads: string[] = [];
function load(key: string, bytes = 10): () => Promise<Uint8Array> {
  return async () => {
    loads.push(key);
    return new Uint8Array(bytes);
  };
}

function cacheOf(maxBytes: number) {
  loads.length = 0;
  return new BoundedCache<string, Uint8Array>(maxBytes, (value) => value.byteLength);
}

describe("BoundedCache", () => {
  it("loads once what is asked for several times, also at the same time", async () => {
    const cache = cacheOf(100);
    const [first, second] = await Promise.all([cache.get("a", load("a")), cache.get("a", load("a"))]);
    expect(first).toBe(second);
    expect(await cache.get("a", load("a"))).toBe(first);
    expect(loads).toEqual(["a"]);
  });

  it("drops what was not used for longest", async () => {
    const cache = cacheOf(20);
    for (const key of ["a", "b", "a", "c"]) await cache.get(key, load(key));
    for (const key of ["a", "c", "b"]) await cache.get(key, load(key));
    expect(loads).toEqual(["a", "b", "c", "b"]);
  });

  it("keeps a value larger than the limit until the next one", async () => {
    const cache = cacheOf(20);
    for (const key of ["a", "big", "big", "a"]) await cache.get(key, load(key, key === "big" ? 50 : 10));
    expect(loads).toEqual(["a", "big", "a"]);
  });

  it("does not keep failures", async () => {
    const cache = cacheOf(20);
    await expect(cache.get("a", () => Promise.reject(new Error("unreadable")))).rejects.toThrow("unreadable");
    expect(await cache.get("a", load("a"))).toHaveLength(10);
  });
});

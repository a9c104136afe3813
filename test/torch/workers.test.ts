import { expect, test } from "vitest";
import { runChild } from "./children.js";

test.each(["load", "calls", "decode", "shared"])(
  "a worker may end at any moment, here while it does '%s'",
  async (kind) => {
    const { ended, values } = await runChild<{ ended: number; values: number[] }>([
      "workers.mjs",
      "2412",
      "12",
      kind,
    ]);
    expect(ended).toBe(24);
    expect(values).toEqual([1, 2, 3]);
  },
);

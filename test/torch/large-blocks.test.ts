import { expect, test } from "vitest";
import { bridge } from "../../lib/torch/bridge.js";
import { ones, scope, zeros } from "../../lib/torch/index.js";

const mebibyte = 2 ** 20;
const bytes = () => bridge().largeBlockStatistics();
const used = () => bytes().usedBytes / mebibyte;
const kept = () => bytes().keptBytes / mebibyte;

test("memory of large tensors is kept for the next ones, never more than was in use at once", () => {
  const before = used();
  const tensors = Array.from({ length: 8 }, () => ones([mebibyte])); // 4 MiB each
  expect(used()).toBe(before + 32);
  for (const tensor of tensors) tensor.dispose();
  expect(used()).toBe(before);
  expect(kept()).toBe(32);
  const again = Array.from({ length: 8 }, () => zeros([mebibyte]));
  expect(kept()).toBe(0); // the same blocks
  expect(again.every((tensor) => tensor.sum().item() === 0)).toBe(true); // not what was in them
  const other = ones([3 * mebibyte]); // 12 MiB
  expect(used()).toBe(before + 44);
  for (const tensor of [...again, other]) tensor.dispose();
  expect(used() + kept()).toBeLessThanOrEqual(before + 44);
});

test("blocks of other sizes push out the longest kept", () => {
  const start = used();
  for (let size = 1; size <= 40; size++) scope(() => void ones([size * (mebibyte >> 2)]));
  expect(used()).toBe(start);
  expect(kept()).toBeLessThanOrEqual(44);
});

test("what is no longer needed goes back when as much was not in use for long", () => {
  scope(() => void ones([64 * mebibyte])); // 256 MiB
  expect(kept()).toBeGreaterThanOrEqual(256);
  for (let i = 0; i < 2 * 1024; i++) scope(() => void ones([mebibyte >> 2])); // 1 MiB
  expect(kept()).toBeLessThanOrEqual(2);
});

test("a size that no machine has is an error that leaves everything as it was", () => {
  const before = used();
  for (const size of [2 ** 45, 2 ** 52])
    expect(() => zeros([size], { dtype: "uint8" })).toThrow(/memory|alloc/i);
  expect(used()).toBe(before);
});

import { expect, test } from "vitest";
import { tensor, upload } from "../../lib/torch/index.js";
import { leaked } from "./fixtures.js";
import { needsCuda } from "./needs.js";

test("gives a tensor of its own on the device", () => {
  const host = tensor([1, 2]);
  const moved = upload(host, "cpu");
  host.dispose();
  expect(moved.toArray()).toEqual([1, 2]);
  expect(upload(moved, "meta").device).toBe("meta");
});

test("copies to CUDA without leaving page-locked memory behind", needsCuda, () => {
  const host = tensor([1, 2]);
  expect(upload(host, "cuda").toArray()).toEqual([1, 2]);
  expect(leaked(() => upload(host, "cuda").dispose())).toEqual({ tensors: 0, bytes: 0 });
});

import { expect, it } from "vitest";
import { textWidth } from "../../../lib/report/figures/text-width.js";

it("a line of text is as wide as its letters in Helvetica, with room for wider fonts", () => {
  // Widths of A, W, i and . in Adobe's metrics: 667, 944, 222 and 278.
  expect(textWidth("AWi.", 100)).toBe(Math.ceil(1.15 * (66.7 + 94.4 + 22.2 + 27.8)));
  expect(textWidth("~", 1000)).toBe(Math.ceil(1.15 * 584));
  expect(textWidth("κ", 10)).toBe(7);
  expect(textWidth("", 10)).toBe(0);
});

import { beforeEach, expect, it, vi } from "vitest";
import {
  automaticPrecision,
  confirmablePrecisionOption,
  precisionOption,
  warnIfSlow,
} from "../../../lib/cli/input/precision.js";
import { bf16Instructions } from "../../../lib/cli/input/processor.js";

vi.mock("../../../lib/cli/input/processor.js");
const instructions = vi.mocked(bf16Instructions);
beforeEach(() => void instructions.mockReturnValue([]));

function warnings(settings: { precision?: string; device: string }): string[] {
  const lines: string[] = [];
  warnIfSlow(settings, (line) => lines.push(line));
  return lines;
}

it("warns of bf16 on a processor that has no instructions for it", () => {
  expect(warnings({ precision: "bf16", device: "cpu" })).toEqual([
    "This processor has no instructions for bf16, which is slower on it than --precision fp32.",
  ]);
  expect(warnings({ precision: "fp32", device: "cpu" })).toEqual([]);
  expect(warnings({ device: "cpu" })).toEqual([]);
  expect(warnings({ precision: "bf16", device: "cuda:1" })).toEqual([]);
  instructions.mockReturnValue(["amx_bf16"]);
  expect(warnings({ precision: "bf16", device: "cpu" })).toEqual([]);
});

it("is one of two", () => {
  expect(precisionOption().argChoices).toEqual(["fp32", "bf16"]);
  expect(confirmablePrecisionOption().argChoices).toEqual(["fp32", "bf16", "auto"]);
});

it("chooses bf16 where it is faster and can be confirmed", () => {
  const exact = { precision: "fp32", confirm: false };
  const confirmed = { precision: "bf16", confirm: true };
  const many = { device: "cpu", images: 16, canConfirm: true } as const;
  expect(automaticPrecision(many)).toEqual(exact);
  expect(automaticPrecision({ ...many, device: "cuda" })).toEqual(confirmed);
  instructions.mockReturnValue(["avx512_bf16"]);
  expect(automaticPrecision(many)).toEqual(confirmed);
  expect(automaticPrecision({ ...many, images: 15 })).toEqual(exact);
  expect(automaticPrecision({ ...many, canConfirm: false })).toEqual(exact);
});

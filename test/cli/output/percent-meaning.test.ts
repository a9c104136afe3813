import { expect, it } from "vitest";
import { percentMeaning } from "../../../lib/cli/output/percent-meaning.js";
import { loadModel } from "../../../lib/clip/index.js";
import { miniatureModel } from "../../../lib/experiment/index.js";
import { createMethod } from "../../../lib/methods/index.js";
import { type HeadDescription, ServedHead } from "../../../lib/protocol/index.js";
import { tinySiglip } from "../../clip/siglip.js";

const clip = loadModel(miniatureModel);

function headOf(method: string): ServedHead {
  return new ServedHead({} as HeadDescription, clip, createMethod(method, {}, "x-tail"));
}

it("says nothing where the percentages of an image add up to 100", () => {
  expect(percentMeaning(clip, undefined)).toBeUndefined();
  expect(percentMeaning(clip, headOf("codyra-routed"))).toBeUndefined();
});

it("says what a SigLIP's are, and the mixed scores of a regression", () => {
  expect(percentMeaning(tinySiglip(), undefined)).toMatch(/each label by itself.*need not add up to 100/);
  expect(percentMeaning(clip, headOf("rail-primal"))).toMatch(/rail-primal mixes.*outside of 0 to 100/);
});

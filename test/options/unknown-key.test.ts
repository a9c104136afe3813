import { expect, it } from "vitest";
import { z } from "zod";
import { createMethod } from "../../lib/methods/index.js";
import { nearestName, parseOptions } from "../../lib/options/index.js";

const schema = z.strictObject({
  learningRate: z.number().default(1),
  rank: z.int().default(1),
  ddas: z.strictObject({ unit: z.string().default("batch") }).prefault({}),
});

/** The error that a user reads. */
function complaint(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    return z.prettifyError(error as z.ZodError);
  }
  throw new Error("It fits.");
}

it.each<[string, unknown, string]>([
  ["a slip", { rnk: 2 }, 'Unrecognized key: "rnk". Did you mean "rank"?'],
  ["another way of writing", { learning_rate: 2 }, 'Did you mean "learningRate"?'],
  ["several", { rnak: 1, dda: 2 }, '"rnak", "dda". Did you mean "rank"? Did you mean "ddas"?'],
  ["in a group", { ddas: { units: 1 } }, 'Did you mean "unit"?'],
])("%s is told with the nearest key", (_, value, message) => {
  expect(complaint(() => parseOptions(schema, value))).toContain(message);
});

it("case and hyphens do not count", () => {
  expect(nearestName("Batch-Size", ["batchSize", "beta"])).toBe("batchSize");
});

it.each<[string, Record<string, unknown>, RegExp]>([
  ["lora", { kappaMax: 1 }, /"kappaMax" is an option of codyra, .*, and lora does not have it\./],
  ["zero-shot", { rank: 1 }, /"rank" is an option of lora, codyra, .*, and zero-shot does not have it\./],
  ["codyra", { ddas: { unit: "image" } }, /"ddas" is an option of moe-adapter, codyra-routed, and codyra/],
  ["moe-adapter", { ddas: { units: 1 } }, /Unrecognized key: "units"\. Did you mean "unit"\?/],
  ["zero-shot", { ranks: 1 }, /There are no options here\./],
])("%s says of %j which methods have it", (name, options, message) => {
  expect(complaint(() => createMethod(name, options, "x-tail"))).toMatch(message);
});

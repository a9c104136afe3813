import { expect, it } from "vitest";
import { methodsInProtocol } from "../../lib/options/index.js";

const methods = { lora: { rank: 8, iterations: 100 }, "moe-adapter": { ddas: { unit: "image", code: 3 } } };

it("what a protocol has of its own goes over the options by method", () => {
  const protocols = { mtil: { lora: { rank: 4 }, "moe-adapter": { ddas: { code: 5 } }, dac: { rank: 2 } } };
  expect(methodsInProtocol({ methods, protocols }, "mtil")).toEqual({
    lora: { rank: 4, iterations: 100 },
    "moe-adapter": { ddas: { unit: "image", code: 5 } },
    dac: { rank: 2 },
  });
  expect(methodsInProtocol({ methods, protocols }, "x-tail")).toEqual(methods);
  expect(methodsInProtocol({ methods }, "mtil")).toEqual(methods);
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel } from "../../lib/clip/index.js";
import { safetensors } from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { needsPeers, runPeer } from "./python.js";

const cases = {
  transformers: {},
  "transformers-sharded": {},
  "transformers-bin": {},
  "transformers-bin-sharded": {},
  "transformers-float16": {},
  "transformers-bfloat16-bin": {},
  "open-clip": {},
  "open-clip-quick-gelu": {},
  "open-clip-bin": {},
  "openai-state.pt": { activation: "quick_gelu" },
  "openai-state-half.pt": { activation: "quick_gelu" },
  "openai-script.pt": {}, // its code tells
  "openai-lone.safetensors": { activation: "quick_gelu" },
  "openai-training.pt": { activation: "quick_gelu" },
} as const;

describe("loadModel reads what other libraries wrote", needsPeers, () => {
  const directory = mkdtempSync(join(tmpdir(), "codyra-checkpoints-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  beforeAll(async () => {
    expect(await runPeer("checkpoints.py", directory)).toEqual(Object.keys(cases));
  });

  test.each(Object.entries(cases))("%s, and gives their features", (name, options) => {
    const { tensors } = safetensors.load(join(directory, "expected", `${name}.safetensors`));
    const model = loadModel(join(directory, name), { allowPickle: true, ...options });
    const tolerance = { rtol: 1e-5, atol: 1e-5 };
    expectClose(model.encodeImage(tensors.get("pixels")!), tensors.get("images")!, tolerance);
    expectClose(model.encodeText(tensors.get("ids")!), tensors.get("texts")!, tolerance);
  });

  test("open_clip's preprocessing", () => {
    const { preprocessing } = loadModel(join(directory, "open-clip"));
    expect(preprocessing).toMatchObject({
      size: 32,
      cropSize: 32,
      mean: [0.5, 0.4, 0.3],
      std: [0.2, 0.3, 0.1],
    });
  });

  test("but no pickle that was not allowed, and no command in any", () => {
    for (const name of ["transformers-bin", "transformers-bin-sharded", "openai-state.pt"]) {
      expect(() => loadModel(join(directory, name))).toThrow("Allow them (`allowPickle`, `--allow-pickle`)");
    }
    const harmful = join(directory, "harmful.pt");
    expect(() => loadModel(harmful, { allowPickle: true })).toThrow(
      /harmful\.pt: this pickle asks for (posix|nt)\.system, which is not allowed/,
    );
  });

  test("but asks for the activation where nothing tells it", () => {
    for (const name of ["openai-lone.safetensors", "openai-state.pt"]) {
      expect(() => loadModel(join(directory, name), { allowPickle: true })).toThrow(
        "nothing says which activation this model has",
      );
    }
  });
});

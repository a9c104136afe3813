import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadModel } from "../../../lib/clip/index.js";
import { memoryStatistics, noGrad, ones, safetensors, type Tensor } from "../../../lib/torch/index.js";
import { fixture, temporaryDirectory } from "../fixtures.js";

type Json = Record<string, Record<string, unknown>>;

function copy(): string {
  const directory = temporaryDirectory();
  cpSync(fixture("quick-gelu"), directory, { recursive: true });
  return directory;
}

function withConfig(change: (config: Json) => void): string {
  const directory = copy();
  const path = join(directory, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8"));
  change(config);
  writeFileSync(path, JSON.stringify(config));
  return directory;
}

function withTensors(change: (tensors: Map<string, Tensor>) => void): string {
  const directory = copy();
  const path = join(directory, "model.safetensors");
  const { tensors } = safetensors.load(path);
  const clones = new Map([...tensors].map(([name, tensor]) => [name, tensor.clone()] as const));
  change(clones);
  safetensors.save(path, clones);
  return directory;
}

/** The message, after checks that nothing was kept, that it came at once, and that it is short. */
function refusal(load: () => unknown): string {
  const before = memoryStatistics().liveTensors;
  const start = performance.now();
  let message = "";
  expect(() => {
    try {
      load();
    } catch (error) {
      message = (error as Error).message;
      throw error;
    }
  }).toThrow();
  expect(performance.now() - start).toBeLessThan(20_000);
  expect(memoryStatistics().liveTensors).toBe(before);
  expect(message.split("\n").length).toBeLessThanOrEqual(10);
  return message;
}

describe("a configuration that no machine can hold", () => {
  it.each([1e9, 2 ** 31, 2 ** 53 - 1, 257])("with %s layers is compared with the weights first", (layers) => {
    for (const tower of ["text_config", "vision_config"]) {
      const directory = withConfig((config) => {
        config[tower]!.num_hidden_layers = layers;
      });
      expect(refusal(() => loadModel(directory))).toMatch(
        new RegExp(`config\\.json: says that the \\w+ encoder has ${layers} layers, .*safetensors has [23]:`),
      );
    }
  });

  it.each<[tower: string, field: string]>([
    ["text_config", "hidden_size"],
    ["text_config", "intermediate_size"],
    ["text_config", "vocab_size"],
    ["text_config", "max_position_embeddings"],
    ["vision_config", "hidden_size"],
    ["vision_config", "intermediate_size"],
    ["vision_config", "image_size"],
  ])("in %s.%s takes no memory", (tower, field) => {
    for (const size of [2 ** 20, 1e9, 2 ** 53 - 1]) {
      const directory = withConfig((config) => {
        config[tower]![field] = size;
      });
      expect(refusal(() => loadModel(directory))).toContain(directory);
    }
  });

  it("in the width of features, or with the end of texts beyond the vocabulary", () => {
    const wide = withConfig((config) => Object.assign(config, { projection_dim: 1e12 }));
    expect(refusal(() => loadModel(wide))).toContain("dimensions of features: expected a whole number");
    const beyond = withConfig((config) => {
      config.text_config!.eos_token_id = 10 ** 9;
    });
    expect(refusal(() => loadModel(beyond))).toMatch(/id 1000000000/);
  });
});

describe("a file that is none", () => {
  it.each(["config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"])(
    "a folder named %s",
    (name) => {
      const directory = copy();
      rmSync(join(directory, name), { force: true });
      mkdirSync(join(directory, name));
      expect(refusal(() => loadModel(directory))).toContain(
        `${join(directory, name)}: expected a file, got a folder`,
      );
    },
  );

  it.each(["config.json", "model.safetensors"])("a pipe named %s, which would wait for ever", (name) => {
    const directory = copy();
    rmSync(join(directory, name));
    execFileSync("mkfifo", [join(directory, name)]);
    expect(refusal(() => loadModel(directory))).toContain("got a device or a pipe");
  });
});

describe("weights", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1e26])("with %s", (value) => {
    const name = "vision_model.encoder.layers.1.mlp.fc1.weight";
    const directory = withTensors((tensors) => noGrad(() => tensors.get(name)!.select(0, 0).fill_(value)));
    expect(refusal(() => loadModel(directory))).toMatch(
      new RegExp(
        `model\\.safetensors: tensor '${name}' has \\d+ of \\d+ numbers that are NaN, infinite or beyond`,
      ),
    );
    const model = loadModel(directory, { allowNonFinite: true });
    expect(model.stateDict().get(name)!.select(0, 0).abs().lt(1e18).any().item()).toBe(false);
  });

  it("in float16 with infinity, which is not beyond a limit that overflows there", () => {
    const name = "text_projection.weight";
    const directory = withTensors((tensors) => {
      const half = tensors.get(name)!.to({ dtype: "float16" });
      noGrad(() => half.select(0, 0).select(0, 0).fill_(Number.POSITIVE_INFINITY));
      tensors.set(name, half);
    });
    expect(refusal(() => loadModel(directory))).toMatch(
      new RegExp(`tensor '${name}' has 1 of \\d+ numbers that are NaN, infinite or beyond`),
    );
  });

  it("of which only the sum is out of range are taken", () => {
    const name = "text_projection.weight";
    const directory = withTensors((tensors) => noGrad(() => tensors.get(name)!.fill_(9e17)));
    expect(loadModel(directory).stateDict().get(name)!.max().item()).toBeCloseTo(9e17, -13);
  });

  it("with control characters in their names are told in one readable line each", () => {
    const directory = withTensors((tensors) => tensors.set("\u001b[2J\nvisual.evil", ones([1])));
    const message = refusal(() => loadModel(directory));
    expect(message).not.toContain("\u001b");
  });
});

import { describe, expect, it } from "vitest";
import type { DualEncoder } from "../../lib/clip/index.js";
import { type Task, taskFromArrays } from "../../lib/data/index.js";
import { loraModules } from "../../lib/lora/index.js";
import { type ContinualMethod, createMethod } from "../../lib/methods/index.js";
import { layerScale } from "../../lib/methods/keeplora/update-scale.js";
import { attentionLayers, inputGrams } from "../../lib/methods/shared/layer-inputs.js";
import { ResidualAdapters } from "../../lib/methods/shared/residual-adapters.js";
import { orthonormalise } from "../../lib/methods/shared/subspace.js";
import { taskGradient } from "../../lib/methods/shared/task-gradient.js";
import * as torch from "../../lib/torch/index.js";
import { expectClose } from "../clip/fixtures.js";
import { features, snapshot, tinyClip } from "../lora/models.js";
import { outcome, temporaryFolder, tinyRun } from "../protocol/tiny-run.js";
import { newer, smoothImages } from "./fixtures.js";
import { colourTasks, recordedContext } from "./tasks.js";

const brief = { iterations: 6, batchSize: 9, logEvery: 2, learningRate: 0.02, rank: 4, alpha: 4 };

function make(options: Record<string, unknown> = {}, protocol: "x-tail" | "mtil" = "x-tail") {
  return createMethod("keeplora", { ...brief, ...options }, protocol);
}

async function learn(method: ContinualMethod, task: Task, context: ReturnType<typeof recordedContext>) {
  await method.beginTask(task, context);
  const summary = await method.trainTask(task, context);
  await method.endTask(task, context);
  return summary;
}

const basesOf = (method: ContinualMethod) =>
  new Map(Array.from(method.state().tensors, ([key, tensor]) => [key.replace("basis.", ""), tensor]));

/** ΔW of every adapted matrix, in × out, float64. */
function changes(model: DualEncoder, before: ReadonlyMap<string, torch.Tensor>): Map<string, torch.Tensor> {
  const now = model.stateDict();
  const names = attentionLayers(model).flatMap((place) => loraModules(place));
  return new Map(
    names.map(({ name }) => {
      const key = `${name}.weight`;
      return [name, now.get(key)!.double().sub(before.get(key)!.double()).t()];
    }),
  );
}

/** The task of `make-newer.py`. */
function smoothTask(): Task {
  const part = { images: smoothImages(7, 32), labels: Int32Array.from([0, 1, 2, 0, 1, 2, 2]) };
  return taskFromArrays({
    name: "smooth",
    classes: ["red", "green", "blue"],
    templates: ["a {} photo."],
    size: 32,
    train: part,
    test: part,
  });
}

describe.each(["v1", "pp-cls"])("a task of KeepLoRA %s", (variant) => {
  it("agrees with its definition in PyTorch, where weights are shifted", async () => {
    const wanted = newer.keeplora[variant];
    const model = tinyClip();
    const before = snapshot(model);
    const task = smoothTask();
    const options = {
      variant,
      iterations: 5,
      batchSize: 7,
      logEvery: 1,
      weightDecay: 0.05,
      eps: 0.1,
      epsW: { vision: 0.6, text: 0.3 },
      epsF: 0.9,
    };
    const method = make(options, "mtil");
    const context = recordedContext(model, { protocol: "mtil" });
    await learn(method, task, context);
    const losses = context.events.flatMap(({ kind, loss }) => (kind === "step" ? [loss as number] : []));
    for (const [i, loss] of losses.entries()) expect(loss).toBeCloseTo(wanted.losses[i], 4);
    expect(losses.length).toBe(5);
    const found = changes(model, before);
    const bases = basesOf(method);
    for (const [name, dimension] of Object.entries(wanted.dimensions))
      expect(bases.get(name)!.size(1), name).toBe(dimension);
    for (const [name, values] of Object.entries(wanted.change)) {
      const change = torch.tensor(values as number[]);
      expect(change.abs().max().item()).toBeGreaterThan(0.001); // so that the tolerance means something
      expectClose(found.get(name)!.t().float(), change, { atol: 2e-6, rtol: 1e-4, what: name });
      const basis = bases.get(name)!;
      const projection = torch.tensor(wanted.projections[name] as number[]);
      expectClose(basis.matmul(basis.t()), projection, { atol: 2e-5, what: `U of ${name}` });
    }
    if (wanted.head !== null) {
      const head = torch.tensor(wanted.head as number[]);
      expectClose(method.state().tensors.get("head.smooth")!, head, { atol: 2e-5 });
    }
    method.dispose?.();
    task.dispose();
  });
});

describe("keeplora", () => {
  it("changes nothing at first, and then only B", async () => {
    const model = tinyClip();
    const [task] = colourTasks() as [Task];
    const before = features(model);
    const method = make();
    const context = recordedContext(model);
    await method.beginTask(task, context);
    const after = features(model);
    expectClose(after.image, before.image, { atol: 1e-5 });
    expectClose(after.text, before.text, { atol: 1e-5 });
    const { trainableParameters } = await method.trainTask(task, context);
    // Four square matrices per block: 2 blocks of width 24, 3 of width 16.
    expect(trainableParameters).toBe(4 * 4 * (2 * 24 + 3 * 16));
    expect(model.parameters().every(({ grad, requiresGrad }) => grad === undefined && !requiresGrad)).toBe(
      true,
    );
    const unmerged = features(model);
    await method.endTask(task, context);
    const merged = features(model);
    expectClose(merged.image, unmerged.image, { atol: 1e-4 });
    expectClose(merged.text, unmerged.text, { atol: 1e-4 });
    method.dispose?.();
  });

  it.each(["v1", "pp"])(
    "%s leaves what is protected alone, and changes the attention only",
    async (variant) => {
      const model = tinyClip();
      const method = make({ variant, rank: 3, epsF: 0.9, epsW: { vision: 0.5, text: 0.2 } });
      let dimensions = new Map<string, number>();
      for (const [taskIndex, task] of colourTasks().entries()) {
        const before = snapshot(model);
        const context = recordedContext(model, { taskIndex });
        await method.beginTask(task, context);
        const bases = new Map(Array.from(basesOf(method), ([name, basis]) => [name, basis.double()]));
        await method.trainTask(task, context);
        await method.endTask(task, context);
        const changed = changes(model, before);
        for (const [name, change] of changed) {
          const scale = change.abs().max().item();
          expect(bases.get(name)!.t().matmul(change).abs().max().item(), name).toBeLessThan(
            1e-4 * scale + 1e-6,
          );
          expect(torch.linalgSvdvals(change).narrow(0, 3, 5).max().item(), name).toBeLessThan(
            1e-3 * scale + 1e-6,
          );
        }
        expect([...changed.values()].some((change) => change.abs().max().item() > 1e-3)).toBe(true);
        const adapted = new Set(Array.from(changed.keys(), (name) => `${name}.weight`));
        for (const [key, weight] of model.stateDict())
          if (!adapted.has(key)) expect(weight.equal(before.get(key)!), key).toBe(true);
        for (const [name, basis] of basesOf(method)) {
          expectClose(basis.t().matmul(basis), torch.eye(basis.size(1)));
          expect(basis.size(1)).toBeGreaterThanOrEqual(dimensions.get(name) ?? 0);
        }
        dimensions = new Map(Array.from(basesOf(method), ([name, basis]) => [name, basis.size(1)]));
      }
      method.dispose?.();
    },
  );

  it("updates nothing where everything is protected, and anything where nothing is", async () => {
    const changeOf = async (all: number) => {
      const model = tinyClip();
      const before = snapshot(model);
      const method = make({ epsW: { vision: all, text: all }, epsF: all });
      await learn(method, colourTasks()[0]!, recordedContext(model));
      const sizes = Array.from(basesOf(method).values(), ({ shape }) => shape[1]! / shape[0]!);
      method.dispose?.();
      const largest = Array.from(changes(model, before).values(), (change) => change.abs().max().item());
      return { sizes: new Set(sizes), largest: Math.max(...largest), smallest: Math.min(...largest) };
    };
    expect(await changeOf(1)).toMatchObject({ sizes: new Set([1]), largest: 0 });
    const free = await changeOf(0);
    expect(free.sizes).toEqual(new Set([0]));
    expect(free.smallest).toBeGreaterThan(0);
  });

  it("is the same with B₀ and without, but for weight decay and layer scale", async () => {
    const weightsOf = async (options: object) => {
      const model = tinyClip();
      const method = make({ ...options, gamma: 1 });
      await learn(method, colourTasks()[0]!, recordedContext(model));
      method.dispose?.();
      return snapshot(model);
    };
    const differs = async (weightDecay: number) => {
      const [first, other] = [
        await weightsOf({ variant: "v1", weightDecay }),
        await weightsOf({ variant: "pp", weightDecay }),
      ];
      return [...first].some(([key, weight]) => !weight.equal(other.get(key)!));
    };
    expect(await differs(0)).toBe(false);
    expect(await differs(0.1)).toBe(true);
  });

  it("scales the layers of ++ as published", () => {
    const scales = Array.from({ length: 12 }, (_, block) => layerScale(0.2, block, 12));
    for (const [block, scale] of Object.entries({
      0: 0.2,
      1: 0.2727,
      2: 0.3455,
      5: 0.5636,
      10: 0.9273,
      11: 1,
    }))
      expect(scales[Number(block)]).toBeCloseTo(scale, 4);
    expect([layerScale(1, 4, 12), layerScale(0.2, 0, 1)]).toEqual([1, 1]);
  });

  it("refuses heads where the dataset of an image is not known", () => {
    for (const variant of ["plus", "pp-cls"]) {
      expect(() => make({ variant })).toThrow(
        `keeplora: variant ${variant} classifies with the head of an image's dataset, which X-TAIL does not tell. ` +
          "Expected the protocol mtil, or variant v1 or pp.",
      );
      expect(make({ variant }, "mtil").name).toBe("keeplora");
    }
  });

  it("has the published options in both presets", () => {
    const { options } = createMethod("keeplora", {}, "mtil");
    expect(options).toMatchObject({
      preset: "paper",
      variant: "v1",
      learningRate: 1e-3,
      weightDecay: 0.01,
      batchSize: 64,
      iterations: 500,
      rank: 16,
      alpha: 1,
      epsW: { vision: 0.85, text: 0.2 },
      epsF: 0.99,
      gamma: 0.2,
      textLayerScale: 1,
      crops: "center",
      weightSide: "input",
      weightShare: "at-least",
      features: "tokens",
      gradient: "exact",
      svd: "exact",
      textPositions: "words",
      testTemplates: "all",
    });
    expect(createMethod("keeplora", { preset: "released" }, "mtil").options).toMatchObject({
      weightSide: "output",
      weightShare: "below",
      features: "slot-mean",
      gradient: "autocast",
      svd: "randomised",
      textPositions: "all",
      testTemplates: "first",
    });
  });

  it("trains for epochs where they are given", async () => {
    const model = tinyClip();
    const [task] = colourTasks() as [Task]; // 18 images: 3 batches of 8
    const iterations = async (options: object) => {
      const method = make({ batchSize: 8, ...options });
      const summary = await learn(method, task, recordedContext(model));
      method.dispose?.();
      return summary.iterations;
    };
    expect(await iterations({})).toBe(6);
    expect(await iterations({ epochs: 1 })).toBe(3);
    expect(await iterations({ epochs: 1, datasetEpochs: { colours: 4 } })).toBe(12);
  });

  it("KeepLoRA+ adds the head of the given dataset, and resumes to the same end", async () => {
    const run = (directory: string, controller?: AbortController) => {
      let task = -1;
      const observer = {
        taskStarted: (index: number) => {
          task = index;
        },
        trained: () => void (task === 1 && controller?.abort()),
      };
      const method = make({ variant: "plus" }, "mtil");
      const { signal } = controller ?? {};
      return tinyRun(directory, { protocol: "mtil", method, resume: true, observer, signal });
    };
    const [undisturbed, stopped] = [temporaryFolder(), temporaryFolder()];
    await run(undisturbed);
    await expect(run(stopped, new AbortController())).rejects.toMatchObject({ name: "AbortError" });
    await run(stopped);
    expect(outcome(stopped)).toEqual(outcome(undisturbed));
  });

  it("gives logits of text and head, of which unseen datasets have none", () => {
    const model = tinyClip();
    const width = model.config.embedDim;
    const head = torch.randn([2, width], { generator: torch.generator(3) });
    const method = make({ variant: "plus" }, "mtil");
    method.loadState({ tensors: new Map([["head.greys", head]]), data: { bases: [], heads: ["greys"] } });
    const pixels = torch.randn([3, 3, 32, 32], { generator: torch.generator(4) });
    const logitsOf = (name: string, from: ContinualMethod = method) => {
      const groups = [{ name, classes: ["dark", "bright"], templates: ["a {} photo.", "{}."] }];
      return from.classifier({ groups }, recordedContext(model, { protocol: "mtil" }))(pixels);
    };
    const plain = logitsOf("greys", createMethod("zero-shot", {}, "mtil"));
    const unit = torch.nn.functional.normalize;
    const added = unit(model.encodeImage(pixels)).matmul(unit(head).t()).mul(30);
    expectClose(logitsOf("greys"), plain.add(added), { atol: 1e-4 });
    expectClose(logitsOf("unseen"), plain);
    method.dispose?.();
  });

  it("the example of the head: 100 times 0.3 and 30 times 0.8 make 54", () => {
    // The classes' features are joined before one product: s (u + 30 / s ŵ).
    const [z, u, w] = [[1, 0, 0], [0.3, 0, Math.sqrt(1 - 0.09)], [0.8, 0.6, 0]].map((row) => torch.tensor(row)); // biome-ignore format: vectors
    const joined = u!.add(w!.mul(30 / 100));
    expect(z!.mul(joined).sum().mul(100).item()).toBeCloseTo(54, 4);
  });
});

describe("the gradient and the features of a task", () => {
  it("do not depend on how the images are cut into batches, nor on their order", async () => {
    const model = tinyClip();
    const [task] = colourTasks() as [Task];
    const context = recordedContext(model);
    const layers = attentionLayers(model).map(({ linear }) => linear);
    const gradientOf = (batchSize: number, seed: number, checkpointing: boolean) =>
      taskGradient(task, context, layers, {
        batchSize,
        seed,
        checkpointing,
        gradient: "exact",
        classMeans: true,
      });
    const gramsOf = (batchSize: number, seed: number) =>
      inputGrams(task, context, { batchSize, seed, features: "tokens", textPositions: "words" });
    const [whole, parts] = [await gradientOf(64, 1, false), await gradientOf(5, 2, true)];
    const [all, cut] = [await gramsOf(64, 1), await gramsOf(5, 2)];
    for (const layer of layers) {
      expectClose(parts.gradients.get(layer)!, whole.gradients.get(layer)!, { atol: 1e-4, rtol: 1e-3 });
      expectClose(cut.get(layer)!, all.get(layer)!, { rtol: 1e-5, atol: 1e-3 });
    }
    expectClose(parts.classMeans!, whole.classMeans!);
    expect(model.parameters().every(({ grad, requiresGrad }) => grad === undefined && !requiresGrad)).toBe(
      true,
    );
  });

  it("counts the words of texts, or all positions of the context", async () => {
    const model = tinyClip();
    const [task] = colourTasks() as [Task];
    const traceOf = async (features: "tokens" | "slot-mean", textPositions: "words" | "all") => {
      const options = { batchSize: 64, seed: 1, features, textPositions };
      const grams = await inputGrams(task, recordedContext(model), options);
      const places = attentionLayers(model).filter(({ layer }) => layer === 0);
      // Inputs of q, k and v come from a layer norm: their energy counts positions.
      return places
        .filter(({ targets }) => targets[0] === "q")
        .map(({ linear }) => grams.get(linear)!.trace().item());
    };
    const [vision, words] = (await traceOf("tokens", "words")) as [number, number];
    const [summed, all] = (await traceOf("slot-mean", "all")) as [number, number];
    expect(summed).toBeCloseTo(vision, 1); // all images are in one batch: slots are tokens
    expect(all).toBeGreaterThan(words);
  });
});

it("one step of gradient descent from B₀ = 0 moves W by −η σ² ℓ² A Aᵀ G", async () => {
  const model = tinyClip();
  const [place] = attentionLayers(model, "vision") as [ReturnType<typeof attentionLayers>[number]];
  const { linear } = place;
  const width = linear.inFeatures;
  const down = orthonormalise(
    torch.randn([width, 3], { generator: torch.generator(1), dtype: "float64" }),
  ).float();
  const scale = 0.3;
  const start = { loraA: down.t(), loraB: torch.zeros([width, 3]), scale };
  const adapters = new ResidualAdapters([place], () => start, { rank: 3, keepsInitial: false });
  const x = torch.randn([7, width], { generator: torch.generator(2) });
  const target = torch.randn([7, 3 * width], { generator: torch.generator(3) });
  linear.forward(x).mul(target).sum().backward();
  const gradient = x.t().matmul(target); // in × out of all three parts, since the loss is linear in the output
  torch.noGrad(() => adapters.parameters.sub_(adapters.parameters.grad!.mul(0.5)));
  const updates = [...adapters.updates().values()];
  for (const [i, { loraA, loraB }] of updates.entries()) {
    const change = loraB.matmul(loraA).t(); // in × out
    const part = gradient.narrow(1, i * width, width);
    const wanted = down
      .matmul(down.t())
      .matmul(part)
      .mul(-0.5 * scale ** 2);
    expectClose(change, wanted, { atol: 1e-4 });
  }
  expect(updates.length).toBe(3);
  adapters.remove();
});

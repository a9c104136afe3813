// `node captured-steps.mjs` trains adapters alone or as one of a launcher's processes, in three ways:
// operator by operator, captured, and captured where the last rank cannot. In place of CUDA graphs,
// recordings run their work again. It prints the adapters of each way.
import { join } from "node:path";
import { clip, lora, methods, torch } from "../../../dist/index.js";
import { GradientParts } from "../../../dist/methods/shared/gradient-parts.js";
import { capturedIterations, plainIterations } from "../../../dist/methods/shared/iteration.js";
import { LossMeter } from "../../../dist/methods/shared/loss-meter.js";
import { standaloneContext } from "../../../dist/methods/shared/standalone-context.js";
import { prepareLoss } from "../../../dist/methods/shared/task-loss.js";
import { CapturedParts } from "../../../dist/torch/captured-step.js";
import { noise } from "../../protocol/noise.mjs";

const { distributed } = torch;
await distributed.init();
const task = noise("bright", ["red", "green", "blue"]);
const options = methods.createMethod("codyra", { batchSize: 7 }, "x-tail").options;

/** Seven images, in the last iteration of four only five. */
function batch(iteration) {
  const total = iteration % 4 === 3 ? 5 : 7;
  const generator = torch.generator(iteration);
  const pixels = torch.randn([total, 3, 32, 32], { generator });
  const { start, end } = distributed.ownRows(total);
  const labels = torch.tensor([0, 1, 2, 0, 1, 2, 1].slice(0, total), { dtype: "int64" });
  return { images: pixels.narrow(0, start, end - start), labels };
}

function recorder(fails) {
  return {
    aside: (body) => body(),
    prepare() {},
    record(work) {
      if (fails) throw new Error("it waits");
      return { result: undefined, replay: () => void work(), dispose() {} };
    },
  };
}

function train(way) {
  const model = clip.loadModel(join(import.meta.dirname, "../../clip/fixtures/quick-gelu"));
  const adapters = lora.inject(model.requiresGrad_(false), { rank: 3 }, torch.generator(5));
  const optimizer = new lora.LoraOptimizer(adapters);
  const schedule = torch.zeros([3], { dtype: "float64" }).keep();
  const update = {
    prepare(iteration) {
      schedule.copy_(torch.tensor([1e-3, 1e-4, iteration + 1], { dtype: "float64" }));
      return () => ({});
    },
    apply: () => optimizer.stepBy(schedule),
  };
  const checkpoints = new torch.Checkpoints();
  const plan = { options, encoders: "both" };
  const loss = prepareLoss(task, standaloneContext(model, "x-tail"), plan, checkpoints);
  const meter = new LossMeter("cpu");
  const parts = new GradientParts({
    ...{ loss, meter, checkpoints, penalty: () => undefined, stage: { isAsked: false } },
    ...{ parameters: [adapters.parameters], zeroGrad: () => adapters.zeroGrad() },
  }).all();
  const agree = (own) => distributed.allGatherObjects(own).find((reason) => reason !== undefined);
  const fails = way === "failing" && distributed.rank() === distributed.worldSize() - 1;
  const reasons = [];
  const capture = (steps) => new CapturedParts(steps, recorder(fails), { warmUp: 2, agree });
  const iterations =
    way === "plain"
      ? plainIterations(parts, update)
      : capturedIterations(parts, update, capture, (reason) => reasons.push(reason));
  for (let i = 0; i < 10; i++) torch.scope(() => iterations.run(batch(i), i));
  iterations.dispose();
  loss[Symbol.dispose]();
  const { loss: mean } = meter.read(10);
  return { adapters: adapters.parameters.toArray(), mean, reasons, steps: parts.length };
}

const results = Object.fromEntries(["plain", "captured", "failing"].map((way) => [way, train(way)]));
const inFlight = distributed.collectivesInFlight();
await distributed.close();
console.log(JSON.stringify({ ...results, inFlight }));

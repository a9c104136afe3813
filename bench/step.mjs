import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clip, lora, methods, torch } from "../dist/index.js";
import { alternate } from "./lib/alternate.mjs";
import { startPeer } from "./lib/peer.mjs";
import { compare } from "./lib/table.mjs";

export const name = "step";
export const description =
  "one CLIP ViT-B/16 training step with rank-selective LoRA, against the plain formulation";
export const defaults = {
  rounds: 5,
  warmUp: 2,
  threads: 2,
  images: 16,
  prompts: 100,
  rank: 16,
  device: "cpu",
  dtype: "float32",
  seed: 0,
};

const limit = 0.4;
const comparedSteps = 3;
const lossTolerance = 1e-3;
const training = { learningRate: 1e-3, betas: [0.9, 0.9999], kappa: 1e-4 };

/**
 * @returns one row with the time per step in seconds, and the losses
 * @throws if the contenders' losses differ: then they do not compute the same thing
 */
export async function run({ rounds, warmUp, threads, images, prompts, rank, seed }, report) {
  torch.setNumThreads(threads);
  const directory = await mkdtemp(join(tmpdir(), "codyra-bench-"));
  const peer = await startPeer("step.py", { threads });
  try {
    report("drawing weights and inputs");
    const { learningRate: learning_rate, betas, kappa } = training;
    const settings = { directory, seed, images, prompts, rank, learning_rate, betas, kappa };
    const { trainable } = await peer.request("prepare", settings);
    const step = prepareStep(directory, rank, trainable);
    await rm(directory, { recursive: true });
    const losses = { codyra: [], pytorch: [] };
    const contenders = {
      codyra: () => {
        const start = performance.now();
        losses.codyra.push(step());
        return (performance.now() - start) / 1000;
      },
      pytorch: async () => {
        const { seconds, loss } = await peer.request("step");
        losses.pytorch.push(loss);
        report(`step ${losses.pytorch.length} of ${warmUp + rounds}`);
        return seconds;
      },
    };
    const { codyra, pytorch } = await alternate(contenders, { rounds, warmUp });
    checkLosses(losses);
    const peakBytes = {
      codyra: process.resourceUsage().maxRSS * 1024,
      pytorch: await peer.request("peak_bytes"),
    };
    const plain = { name: `plain formulation, PyTorch ${peer.versions.torch}`, ...pytorch };
    return {
      peer: peer.versions,
      rows: [compare("training step", "s", codyra, plain, limit)],
      losses,
      peakBytes,
      notes: [
        `Losses of the first ${comparedSteps} steps agree to ${lossTolerance}: ${formatLosses(losses)}.`,
        `Peak resident memory ${formatBytes(peakBytes.codyra)} against ${formatBytes(peakBytes.pytorch)}.`,
      ],
    };
  } finally {
    peer.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** @returns a function that takes one training step and returns the loss before it */
function prepareStep(directory, rank, trainable) {
  const model = clip.loadModel(directory).requiresGrad_(false);
  const adapters = lora.inject(model, { rank });
  const { factors, importance } = adapters.numTrainable;
  if (factors + importance !== trainable) {
    throw new Error(
      `Expected ${trainable} trainable parameters as in the peer, got ${factors + importance}.`,
    );
  }
  loadAdapters(adapters, join(directory, "adapters.safetensors"));
  const { pixels, ids, labels } = loadInputs(join(directory, "inputs.safetensors"));
  const scale = torch.noGrad(() => model.logitScale.exp());
  const optimizer = new lora.LoraOptimizer(adapters, { betas: training.betas });
  const { normalize } = torch.nn.functional;
  return () =>
    torch.scope(() => {
      adapters.zeroGrad();
      const images = normalize(model.encodeImage(pixels));
      const texts = normalize(model.encodeText(ids));
      const loss = methods.contrastiveLoss(images, texts, labels, scale, { loss: "symmetric" });
      loss.backward();
      optimizer.step(training.learningRate, training.kappa);
      return loss.item();
    });
}

function loadInputs(path) {
  return torch.scope(() => {
    const { tensors } = torch.safetensors.load(path);
    const ids = tensors.get("ids");
    const longest = ids.eq(torch.max(ids)).to({ dtype: "int32" }).argmax(-1).max().item() + 1;
    return {
      pixels: tensors.get("pixels").clone(),
      ids: ids.narrow(1, 0, longest).clone(), // what the tokenizer returns: padding only up to the longest prompt
      labels: tensors.get("labels").clone(),
    };
  });
}

/** The peer keeps three parameters for every matrix; here a layer holds those of its matrices stacked. */
function loadAdapters(adapters, path) {
  torch.scope(() =>
    torch.noGrad(() => {
      const { tensors } = torch.safetensors.load(path);
      const modules = adapters.modules.values();
      for (const { targets, loraA, loraB, importance } of adapters.layers) {
        targets.forEach((_, part) => {
          const { name } = modules.next().value;
          loraA.select(0, part).copy_(tensors.get(`${name}.lora_a`));
          loraB.select(0, part).copy_(tensors.get(`${name}.lora_b`));
          importance.select(0, part).copy_(tensors.get(`${name}.importance`));
        });
      }
    }),
  );
}

function checkLosses({ codyra, pytorch }) {
  for (let i = 0; i < comparedSteps; i++) {
    if (!(Math.abs(codyra[i] - pytorch[i]) <= lossTolerance * Math.abs(pytorch[i]))) {
      throw new Error(
        `step: the losses at step ${i + 1} differ: expected ${pytorch[i]} as in PyTorch, got ${codyra[i]}. ` +
          "The contenders do not compute the same, so their times are not compared.",
      );
    }
  }
}

function formatBytes(bytes) {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

function formatLosses({ codyra, pytorch }) {
  const first = (losses) => losses.slice(0, comparedSteps).map((loss) => loss.toFixed(5));
  return `${first(codyra).join(", ")} against ${first(pytorch).join(", ")}`;
}

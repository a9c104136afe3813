import { clip, lora, torch } from "../../dist/index.js";

/** A ViT-B/16 batch of 16 images, in the vision tower's first matrix of the MLP. */
const [tokens, inputs, outputs] = [3152, 768, 3072];
const rank = 16;
const kappa = 1e-4;

/**
 * The cases on which the fused operators are measured. A case is `{ what, run, others, work }`. `run` is the
 * fused form, and `others` are its rivals (`name`, `run` and perhaps `limit`). `work` has the floating-point
 * operations or bytes of memory that cannot be avoided. `prepare` makes its tensors.
 */
export const kernels = {
  lora_linear: ({ device }) => linearCase("lora_linear, forward and backward", 1, outputs, 1.06, device),
  lora_linear_stacked: ({ device }) =>
    linearCase("lora_linear_stacked of q, k and v, forward and backward", 3, inputs, undefined, device),
  "soft_threshold of all gates": ({ device }) => thresholdCase([144, rank], device),
  "soft_threshold of large tensors": ({ device }) => thresholdCase([2 ** 24], device),
  merge_ranks: mergeCase,
  effective_weights: (context) => effectiveWeightsCase("float32", context),
  "effective_weights to bfloat16": (context) => effectiveWeightsCase("bfloat16", context),
  adamw_soft_threshold: optimizerCase,
};

/** A ViT-B/16 with adapters on everything. */
export function adaptedModel(device) {
  const model = clip.createModel(clip.clipConfigs["vit-b-16"], { device }).requiresGrad_(false);
  const adapters = lora.inject(model, { rank });
  torch.scope(() => {
    adapters.parameters.grad.normal_();
  });
  return adapters;
}

function linearCase(what, parts, partOutputs, limit, device) {
  const random = (...shape) => torch.randn(shape, { device });
  const x = random(tokens, inputs).requiresGrad_();
  const weight = random(parts * partOutputs, inputs);
  const bias = random(parts * partOutputs);
  const loraA = random(parts, rank, inputs).requiresGrad_();
  const loraB = random(parts, partOutputs, rank).requiresGrad_();
  const importance = random(parts, rank).requiresGrad_();
  const upstream = random(tokens, parts * partOutputs);
  const factors = [loraA, loraB, importance];
  const backward = (y, of) => torch.grad([y], of, { gradOutputs: [upstream] });
  const plainPart = (part) => {
    const [a, b, w] = factors.map((factor) => factor.select(0, part));
    const rows = (tensor) => tensor.narrow(0, part * partOutputs, partOutputs);
    return torch.linear(x, rows(weight), rows(bias)).add(x.mm(a.t()).mul(w).mm(b.t()));
  };
  return {
    what,
    run: () => backward(torch.loraLinearStacked(x, weight, bias, ...factors), [x, ...factors]),
    others: [
      {
        name: "frozen linear with input gradient",
        run: () => backward(torch.linear(x, weight, bias), [x]),
        limit,
      },
      {
        name: "composed: x Wᵀ + b + ((x Aᵀ) w) Bᵀ",
        run: () => {
          const y = Array.from({ length: parts }, (_, part) => plainPart(part));
          return backward(torch.cat(y, 1), [x, ...factors]);
        },
        limit: 1,
      },
    ],
    work: { flops: 2 * 2 * tokens * inputs * parts * partOutputs },
  };
}

function thresholdCase(shape, device) {
  const importance = torch.randn(shape, { device });
  return {
    what: `soft_threshold, [${shape.join(", ")}]`,
    run: () => torch.softThreshold_(importance, kappa),
    others: [
      {
        name: "composed: sign(w) max(|w| − κ, 0)",
        run: () => importance.copy_(importance.sign().mul(importance.abs().sub(kappa).clampMin(0))),
        limit: 1,
      },
    ],
    work: { bytes: 2 * 4 * importance.numel() },
  };
}

function mergeCase({ device }) {
  const weight = torch.randn([outputs, inputs], { device });
  const loraA = torch.randn([rank, inputs], { device });
  const loraB = torch.randn([outputs, rank], { device }).mul_(1e-6);
  const importance = torch.randn([rank], { device });
  return {
    what: `merge_ranks, ${inputs}→${outputs}`,
    run: () => torch.mergeRanks_(weight, loraA, loraB, importance),
    others: [
      {
        name: "composed: W += (B w) A, count of w ≠ 0",
        run: () => {
          weight.addmm_(loraB.mul(importance), loraA);
          return importance.ne(0).sum().item();
        },
      },
    ],
    work: { bytes: 2 * 4 * inputs * outputs },
  };
}

function effectiveWeightsCase(dtype, { adapters }) {
  const { layers } = adapters;
  const list = (of) => layers.map(of);
  const weights = list(({ place }) => place.linear.weight);
  const factors = [
    list(({ loraA }) => loraA),
    list(({ loraB }) => loraB),
    list(({ importance }) => importance),
  ];
  const composed = ({ place, loraA, loraB, importance }) => {
    const stacked = place.linear.weight.unflatten(0, loraB.shape.slice(0, 2));
    return stacked.baddbmm(loraB.mul(importance.unsqueeze(1)), loraA).to({ dtype });
  };
  const elements = weights.reduce((sum, weight) => sum + weight.numel(), 0);
  return {
    what: `effective_weights of ViT-B/16 in ${dtype}`,
    run: () =>
      torch.noGrad(() => torch.callOperator("codyra::effective_weights", weights, ...factors, { dtype })),
    others: [
      {
        name: "composed: W + (B w) A, layer by layer",
        run: () => torch.noGrad(() => layers.map(composed)),
        limit: 1,
      },
    ],
    work: { bytes: elements * (4 + (dtype === "bfloat16" ? 2 : 4)) },
  };
}

function optimizerCase({ adapters, peer }) {
  const optimizer = new lora.LoraOptimizer(adapters);
  const { factors, importance } = adapters.numTrainable;
  const others = [
    {
      name: "torch.optim.AdamW(fused=True) and a loop over the gates",
      seconds: (repeats) => peer.request("steps", { repeats }),
      limit: 0.5,
    },
  ];
  return {
    what: `AdamW and soft_threshold of ${((factors + importance) / 1e6).toFixed(1)} M parameters`,
    run: () => optimizer.step(1e-6, kappa),
    others,
    work: { bytes: 7 * 4 * (factors + importance) }, // reads four values of each, writes three
  };
}

import { type AdaptableLayer, classPrompts, type DualEncoder } from "../../clip/index.js";
import { type Task, TrainingBatches } from "../../data/index.js";
import type { Tensor } from "../../torch/index.js";
import * as torch from "../../torch/index.js";
import { inParts } from "./in-parts.js";
import type { StageState } from "./stage.js";
import type { RunContext } from "./types.js";

/** Records the inputs X of a linear layer, `[inFeatures, n]`, while it computes as always. */
interface InputMeter extends torch.nn.LinearAdapter {
  /** `X Xᵀ`, float64 `[inFeatures, inFeatures]` */
  gram(): Tensor;
  /** The sum by now. */
  sum: Tensor | undefined;
  dispose(): void;
}

/** Adds up `X Xᵀ` in float64 over all that the layer reads, or over chosen positions of its sequences. */
class GramMeter implements InputMeter {
  sum: Tensor;

  /**
   * @param positions indices into the positions of a batch, all sequences one after the other; asked for at
   * every call
   */
  constructor(
    layer: torch.nn.Linear,
    private readonly positions: () => Tensor | undefined = () => undefined,
  ) {
    const shape = [layer.inFeatures, layer.inFeatures];
    const { device } = layer.weight;
    this.sum = torch.unscoped(() => torch.zeros(shape, { dtype: "float64", device }));
  }

  forward(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
    torch.scope(() => {
      const positions = x.dim() > 2 ? this.positions() : undefined; // what is read out alone has no others beside it
      const all = x.reshape([-1, x.size(-1)]);
      const rows = (positions === undefined ? all : all.indexSelect(0, positions)).double();
      this.sum.addmm_(rows.t(), rows);
    });
    return torch.linear(x, weight, bias);
  }

  gram(): Tensor {
    return this.sum;
  }

  dispose(): void {
    this.sum.dispose();
  }
}

/**
 * Adds up whole batches, position by position, and takes the Gram matrix of the sum: as the code of KeepLoRA
 * does.
 */
class SlotSumMeter implements InputMeter {
  sum: Tensor | undefined;

  forward(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
    torch.scope(() => {
      const rows = x.reshape([-1, x.size(-1)]).float();
      if (this.sum === undefined) this.sum = torch.unscoped(() => rows.clone());
      else this.sum.add_(rows);
    });
    return torch.linear(x, weight, bias);
  }

  gram(): Tensor {
    const sum = (this.sum as Tensor).double();
    return sum.t().matmul(sum);
  }

  dispose(): void {
    this.sum?.dispose();
  }
}

export interface InputGramOptions {
  /** Images per pass. */
  readonly batchSize: number;
  readonly seed: number;
  /** Every token of every image; or sums over full batches of what is at the same place in them. */
  readonly features: "tokens" | "slot-mean";
  /**
   * Positions of a text that count: up to its end, unless what follows is read too; or all of the context.
   */
  readonly textPositions: "words" | "all";
}

/**
 * Gram matrices of the inputs of the attention layers of both encoders on a task. They take one pass over its
 * training images, of which models see the middle, and one over its prompts. In its last block an encoder
 * computes the output projection for the position that it reads out alone, so that is all it counts there.
 * Call it inside a scope that outlives the use of the result.
 * @returns by layer: q, k and v are one layer, with one matrix
 * @throws if the run is aborted
 */
export async function inputGrams(
  task: Task,
  context: RunContext,
  { batchSize, seed, features, textPositions }: InputGramOptions,
): Promise<Map<torch.nn.Linear, Tensor>> {
  const { model } = context;
  let positions: Tensor | undefined;
  const meters = new Map<torch.nn.Linear, InputMeter>();
  const attach = (tower: "vision" | "text", make: (layer: torch.nn.Linear) => InputMeter): void => {
    for (const { linear } of attentionLayers(model, tower)) {
      const meter = make(linear);
      meters.set(linear, meter);
      linear.adapter = meter;
    }
  };
  const detach = (): void => {
    for (const layer of meters.keys()) layer.adapter = undefined;
  };
  try {
    attach("vision", (layer) => (features === "tokens" ? new GramMeter(layer) : new SlotSumMeter()));
    const batches = new TrainingBatches(task.train, {
      batchSize,
      seed,
      dropLast: features === "slot-mean", // batches of one size only can be added up
      preprocessing: model.preprocessing,
      crop: "center",
      device: model.device,
    });
    await inParts(
      context,
      "features to protect",
      batches.sampler.batchesPerEpoch,
      (part) => torch.noGrad(() => void model.encodeImage(batches.at(part).pixels)),
      meterState([...meters.values()]),
    );
    detach();
    attach("text", (layer) => new GramMeter(layer, () => positions));
    const prompts = classPrompts(task.classes, task.templates[0]);
    const chunk = 256;
    const readTexts = (part: number): void =>
      torch.noGrad(() => {
        const texts = prompts.slice(part * chunk, (part + 1) * chunk);
        const ids = model.tokenizer.encode(texts, { crop: textPositions === "words" });
        if (textPositions === "words")
          positions = wordPositions(model.tokenizer.lengths(ids), ids.size(1), model.device);
        model.encodeText(ids.to({ device: model.device })); // no shared prefix: every text counts
      });
    const state = meterState([...meters.values()]);
    await inParts(context, "texts to protect", Math.ceil(prompts.length / chunk), readTexts, state);
    return new Map(Array.from(meters, ([layer, meter]) => [layer, meter.gram().clone()]));
  } finally {
    detach();
    for (const meter of meters.values()) meter.dispose();
  }
}

function meterState(meters: readonly InputMeter[]): StageState {
  return {
    state() {
      const sums = meters.flatMap(({ sum }, i): [string, Tensor][] => (sum ? [[`sum.${i}`, sum]] : []));
      return { tensors: new Map(sums), data: {} };
    },
    loadState({ tensors }) {
      for (const [i, meter] of meters.entries()) {
        const saved = tensors.get(`sum.${i}`);
        if (saved === undefined) continue;
        meter.sum?.dispose();
        meter.sum = torch.unscoped(() => saved.clone());
      }
    },
  };
}

/**
 * The layers of the attention: q, k and v in one, and the output projection. Default: those of both encoders.
 */
export function attentionLayers(model: DualEncoder, encoder?: "vision" | "text"): AdaptableLayer[] {
  const places = model.adaptableLayers().filter(({ targets }) => targets[0] === "q" || targets[0] === "o");
  return encoder === undefined ? places : places.filter((place) => place.encoder === encoder);
}

/** Positions of texts in rows of one length, counted through all rows: from each text's start to its end. */
function wordPositions(lengths: readonly number[], rowLength: number, device: torch.Device): Tensor {
  const positions = lengths.flatMap((length, row) => Array.from({ length }, (_, i) => row * rowLength + i));
  return torch.tensor(positions, { dtype: "int64", device });
}

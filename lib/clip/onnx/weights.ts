import { full, noGrad, numelOf, scope, type Tensor } from "../../torch/index.js";
import type { StateDict } from "../checkpoint/keys.js";
import { type ElementType, elementTypes, type Graph } from "./graph.js";
import type { Bytes } from "./protobuf.js";

/** Types of the exported weights. `q8` has matrices of 8 bits, which are float32 again when they are used. */
export const onnxDtypes = ["fp32", "fp16", "q8"] as const;

export type OnnxDtype = (typeof onnxDtypes)[number];

const itemBytes = { float32: 4, float16: 2, int8: 1 } as const;

/** Puts the parameters of a model into a graph, each when the graph asks for it. */
export class Weights {
  /** Type of everything that is computed. */
  readonly type: "float32" | "float16";

  constructor(
    readonly graph: Graph,
    private readonly state: StateDict,
    readonly dtype: OnnxDtype,
  ) {
    this.type = dtype === "fp16" ? "float16" : "float32";
  }

  /** A number in the type of the computation. */
  number(value: number): string {
    return this.#add(`number_${value}`, [], this.type, () => full([], value, { dtype: "float32" }));
  }

  /** A parameter as it is. @param shape default: its own */
  plain(name: string, shape?: readonly number[]): string {
    const parameter = this.#parameter(name);
    return this.#add(name, shape ?? parameter.shape, this.type, () => this.#parameter(name));
  }

  /** The weight of a linear layer, `[out, in]`, as a factor `[in, out]` from the right. */
  matrix(name: string): string {
    const { graph, dtype } = this;
    const [out, inner] = this.#parameter(name).shape as [number, number];
    if (dtype !== "q8") return this.#add(name, [inner, out], this.type, () => this.#parameter(name).t());
    const levels = this.#add(`${name}.levels`, [inner, out], "int8", () =>
      quantize(this.#parameter(name)).t(),
    );
    return graph.node("DequantizeLinear", [levels, this.#scales(name, [out])], { axis: 1 });
  }

  /** Rows of an embedding. @param ids the value with their numbers */
  rows(name: string, ids: string): string {
    const { graph, dtype } = this;
    const [count, width] = this.#parameter(name).shape as [number, number];
    if (dtype !== "q8") return graph.node("Gather", [this.plain(name), ids]);
    const levels = this.#add(`${name}.levels`, [count, width], "int8", () => quantize(this.#parameter(name)));
    const numbers = graph.node("Cast", [graph.node("Gather", [levels, ids])], { to: elementTypes.float32 });
    return graph.node("Mul", [numbers, graph.node("Gather", [this.#scales(name, [count, 1]), ids])]);
  }

  /**
   * The causal mask that is added to attention scores, `[L, L]`. Its −65504 is the lowest number of float16.
   */
  causalMask(length: number): string {
    return this.#add("causal_mask", [length, length], this.type, () =>
      full([length, length], -65504, { dtype: "float32" }).triu(1),
    );
  }

  #scales(name: string, shape: readonly number[]): string {
    return this.#add(`${name}.scales`, shape, "float32", () => scalesOf(this.#parameter(name)));
  }

  #parameter(name: string): Tensor {
    const parameter = this.state.get(name);
    if (parameter === undefined) throw new Error(`ONNX: the model has no parameter '${name}'.`);
    return parameter;
  }

  #add(
    name: string,
    shape: readonly number[],
    type: keyof typeof itemBytes & ElementType,
    make: () => Tensor,
  ): string {
    const bytes: Bytes = {
      byteLength: numelOf(shape) * itemBytes[type],
      make: () => noGrad(() => scope(() => bytesOf(make().to({ device: "cpu", dtype: type })))),
    };
    return this.graph.weight(name, type, shape, bytes);
  }
}

/** Levels −127 to 127 of every row, `[out, in]`. */
function quantize(weight: Tensor): Tensor {
  return weight.float().div(scalesOf(weight).unsqueeze(1)).round().clamp(-127, 127);
}

/** The step between levels of every row, `[out]`; 1 where all are zero. */
function scalesOf(weight: Tensor): Tensor {
  const highest = weight.float().abs().amax([1]);
  return highest.div(127).add(highest.eq(0));
}

function bytesOf(tensor: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.contiguous().toTypedArray();
  return new Uint8Array(buffer, byteOffset, byteLength);
}

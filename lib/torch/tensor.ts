import { checkOptions, type OptionKeys } from "../options/index.js";
import { bridge, type Handle } from "./bridge.js";
import { describe } from "./describe.js";
import { handle, handles } from "./operator.js";
import * as operators from "./operators.generated.js";
import { adopt, disposed, keep, scopeClosed } from "./scope.js";
import { numelOf } from "./shape.js";
import { TensorMethods } from "./tensor-methods.generated.js";
import { arrayType } from "./typed-arrays.js";
import type { Complex, Device, DType, NestedNumbers, Scalar, TypedArray } from "./types.js";

/** How a backward pass runs. */
export interface BackwardOptions {
  /** Gradient of the loss with respect to this tensor; may be left out for a scalar. */
  readonly gradient?: Tensor;
  /** Keep the graph for another backward pass. Default: `createGraph`. */
  readonly retainGraph?: boolean;
  /** Record the backward pass itself, for higher derivatives. */
  readonly createGraph?: boolean;
  /** Accumulate only into these leaves. Default: all leaves. */
  readonly inputs?: readonly Tensor[];
}

/** The dtype and device to convert to; what is left out stays. */
export interface ToOptions {
  readonly dtype?: DType;
  readonly device?: Device;
  /** Do not wait for a copy between devices. Default: false. */
  readonly nonBlocking?: boolean;
}

const toKeys: OptionKeys<ToOptions> = { dtype: true, device: true, nonBlocking: true };

/** The value that `structuredClone` names when it refuses a tensor. */
const staysHere = Symbol("a Tensor, which belongs to its thread; send toTypedArray() or sharedArray()");

const backwardKeys: OptionKeys<BackwardOptions> = {
  gradient: true,
  retainGraph: true,
  createGraph: true,
  inputs: true,
};

/**
 * A libtorch tensor. Most of its methods are generated from operator schemas (see
 * `tensor-methods.generated.ts`).
 *
 * Its memory is released by the scope it was made in, by `dispose()` or by `using`; see `scope`.
 */
export class Tensor extends TensorMethods implements Disposable {
  /** The addon's number for this tensor; zero or less once released. */
  handle: Handle;
  /** Set by `keep`: scopes leave this tensor alone. */
  isKept = false;
  /** A symbol cannot be cloned. A clone would have the handle, which another thread takes for its own. */
  protected readonly clones = staysHere;

  /** @internal Tensors come from `torch.tensor`, the factories and the operators. */
  constructor(handle: Handle) {
    super();
    this.handle = handle;
  }

  /** Size of each dimension; `[]` for a single number. */
  get shape(): number[] {
    return bridge().shape(this.live());
  }

  /** Type of the elements. */
  get dtype(): DType {
    return bridge().dtype(this.live()) as DType;
  }

  /** The device that holds the elements: `cpu`, `meta` or `cuda:0`. */
  get device(): Device {
    return bridge().device(this.live()) as Device;
  }

  /** Number of dimensions. */
  dim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  numel(): number {
    return numelOf(this.shape);
  }

  /** Size along `dim`; negative counts from the end. @throws if there is no such dimension */
  size(dim: number): number {
    const shape = this.shape;
    const size = shape.at(dim);
    if (size === undefined || !Number.isInteger(dim)) {
      const expected =
        shape.length === 0 ? "it has none" : `expected ${-shape.length} to ${shape.length - 1}`;
      throw new RangeError(`Tensor [${shape}] has no dimension ${dim}; ${expected}.`);
    }
    return size;
  }

  /** Elements to skip in memory per step along each dimension. */
  strides(): number[] {
    return bridge().strides(this.live());
  }

  /** Whether the elements lie in row-major order, without gaps. */
  isContiguous(): boolean {
    return bridge().isContiguous(this.live());
  }

  /** Whether both tensors look at the same memory, as views do. */
  isSameStorage(other: Tensor): boolean {
    return bridge().isSameStorage(this.live(), handle(other));
  }

  /**
   * The value of a tensor with one element; waits for the device. The type parameter says what the dtype
   * holds: numbers unless it is `boolean`, `bigint` (integers beyond 2⁵³) or `Complex`.
   */
  item<Value extends Scalar | Complex = number>(): Value {
    return bridge().item(this.live()) as Value;
  }

  /**
   * A copy of the elements in row-major order. `float16` and `bfloat16` come as their bits; use `float()`
   * first for numbers.
   */
  toTypedArray(): TypedArray {
    const handle = this.live();
    const array = new (arrayType(this.dtype))(this.numel());
    bridge().copyBytes(handle, array);
    return array;
  }

  /**
   * The elements without a copy: a typed array over the tensor's own memory, which stays valid after the
   * tensor is disposed.
   * @throws unless the tensor is contiguous and on the CPU
   */
  sharedArray(): TypedArray {
    const buffer = bridge().shareBytes(this.live());
    return new (arrayType(this.dtype))(buffer);
  }

  /**
   * The elements as nested arrays of numbers (booleans, bigints), or one value for a tensor without
   * dimensions.
   */
  toArray(): NestedNumbers {
    const dtype = this.dtype;
    const isHalf = dtype === "float16" || dtype === "bfloat16";
    const full = isHalf ? operators.toCopy(this, { dtype: "float32" }) : this;
    const flat = full.toTypedArray();
    if (isHalf) full.dispose();
    const read = dtype === "bool" ? (i: number) => flat[i] === 1 : (i: number) => flat[i] as Scalar;
    return nest(this.shape, read);
  }

  /** Whether operations on this tensor are recorded. Only leaves of floats or complex numbers can be set. */
  get requiresGrad(): boolean {
    return bridge().requiresGrad(this.live());
  }

  set requiresGrad(value: boolean) {
    bridge().setRequiresGrad(this.live(), value);
  }

  /** Sets `requiresGrad` and returns this same tensor, for chaining. */
  requiresGrad_(value = true): this {
    this.requiresGrad = value;
    return this;
  }

  /** Whether no recorded operation made it; a backward pass leaves its gradient in leaves. */
  get isLeaf(): boolean {
    return bridge().isLeaf(this.live());
  }

  /** The accumulated gradient, a fresh handle at every access; `undefined` before the first backward pass. */
  get grad(): Tensor | undefined {
    const handle = bridge().grad(this.live());
    if (handle === null) return undefined;
    const grad = new Tensor(handle);
    adopt(grad);
    return grad;
  }

  set grad(value: Tensor | undefined) {
    bridge().setGrad(this.live(), value === undefined ? null : handle(value));
  }

  /** Keep the gradient of this non-leaf tensor in the next backward pass. */
  retainGrad(): void {
    bridge().retainGrad(this.live());
  }

  /**
   * Accumulates the gradients of this tensor into the leaves it was computed from.
   * @throws if it needs a `gradient` and has none
   */
  backward(options: BackwardOptions = {}): void {
    checkOptions(options, backwardKeys, "backward");
    const { gradient, createGraph = false, retainGraph = createGraph, inputs = [] } = options;
    bridge().backward(
      [this.live()],
      [gradient === undefined ? null : handle(gradient)],
      retainGraph,
      createGraph,
      handles(inputs),
    );
  }

  /**
   * This tensor in another dtype or on another device; the same memory when nothing changes.
   * @throws if `options` is no object, or has keys that do not exist
   */
  to(options: ToOptions): Tensor {
    if (typeof options !== "object" || options === null) {
      throw new TypeError(
        `expected options of to, such as { dtype: "float64" } or { device: "cuda" }, got ${JSON.stringify(options)}. Pass an object.`,
      );
    }
    checkOptions(options, toKeys, "to");
    const isSame =
      (options.dtype === undefined || options.dtype === this.dtype) &&
      (options.device === undefined ||
        options.device === this.device ||
        this.device.startsWith(`${options.device}:`));
    return isSame ? operators.alias(this) : operators.toCopy(this, options);
  }

  /** In float32; the same memory if it is already. */
  float(): Tensor {
    return this.to({ dtype: "float32" });
  }

  /** In float64; the same memory if it is already. */
  double(): Tensor {
    return this.to({ dtype: "float64" });
  }

  /** In int64, without fractions; the same memory if it is already. */
  long(): Tensor {
    return this.to({ dtype: "int64" });
  }

  /** False for zero, true for all else; the same memory if it is already. */
  bool(): Tensor {
    return this.to({ dtype: "bool" });
  }

  /** Releases the memory now, unless views share it. Later use throws; disposing twice does nothing. */
  dispose(): void {
    if (this.handle > 0) {
      bridge().release(this.handle);
      this.handle = disposed;
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Whether `dispose` or its scope has released it. */
  get isDisposed(): boolean {
    return this.handle <= 0;
  }

  /** Makes this tensor outlive the scope it was made in, until `dispose`. */
  keep(): this {
    return keep(this);
  }

  /** Shape, dtype and device, without waiting for the device. */
  override toString(): string {
    if (this.isDisposed) return "Tensor (released)";
    return `Tensor [${this.shape.join(", ")}] ${this.dtype} ${this.device}`;
  }

  /** The description, for `JSON.stringify`. `toArray` gives the elements. */
  toJSON(): string {
    return this.toString();
  }

  /** The description and the elements, for `console.log`. Large tensors show those at their edges. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.isDisposed ? this.toString() : describe(this);
  }

  private live(): Handle {
    if (this.handle === disposed)
      throw new Error("Tensor was disposed: expected a live tensor. Use it before dispose().");
    if (this.handle === scopeClosed) {
      throw new Error("Tensor was released when its scope closed. Return it from the scope to keep it.");
    }
    return this.handle;
  }
}

function nest(shape: readonly number[], read: (i: number) => Scalar): NestedNumbers {
  let next = 0;
  const build = (depth: number): NestedNumbers =>
    depth === shape.length
      ? read(next++)
      : Array.from({ length: shape[depth] as number }, () => build(depth + 1));
  return build(0);
}

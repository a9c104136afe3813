import { type Bytes, Message } from "./protobuf.js";

// Numbers of fields, data types and attribute types are those of onnx.proto,
// https://github.com/onnx/onnx/blob/v1.16.0/onnx/onnx.proto.

/** The element types that are written. */
export const elementTypes = { float32: 1, int8: 3, int64: 7, float16: 10 } as const;

export type ElementType = keyof typeof elementTypes;

/** A whole number becomes an `int`, `{ float }` a `float`, and a list `ints`. */
export type Attributes = Readonly<Record<string, number | { readonly float: number } | readonly number[]>>;

/** A number, or the name of a size that is chosen at run time. */
export type Dimension = number | string;

/** Weights beside the file, and how much of that file is taken. */
interface ExternalFile {
  readonly name: string;
  byteLength: number;
  readonly parts: Bytes[];
}

const opset = 17;
const irVersion = 8; // the first that goes with opset 17
const attributeTypes = { float: 1, int: 2, ints: 7 };
const external = 1;
/** Shapes and other small constants stay where readers look for them before any other file is open. */
const smallBytes = 1024;
/** Parsers of protocol buffers take messages of less than 2 GiB; the nodes need little beside the weights. */
const maxEmbeddedBytes = 2 ** 31 - 2 ** 26;

/** An ONNX model that is being put together. Values are known by their names. */
export class Graph {
  readonly #nodes: Message[] = [];
  readonly #inputs: Message[] = [];
  readonly #outputs: Message[] = [];
  readonly #weights = new Map<string, { type: ElementType; dims: readonly number[]; bytes: Bytes }>();
  #values = 0;

  constructor(readonly name: string) {}

  input(name: string, type: ElementType, dims: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(name, type, dims));
    return name;
  }

  /** Gives a value the name of an output. */
  output(name: string, value: string, type: ElementType, dims: readonly Dimension[]): void {
    this.#outputs.push(valueInfo(name, type, dims));
    this.#write("Identity", [value], name, {});
  }

  /** @returns the name of the value that an operator makes */
  node(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.#write(operator, inputs, `${operator}_${this.#values++}`, attributes);
  }

  /** A weight; the same name again is the same weight. */
  weight(name: string, type: ElementType, dims: readonly number[], bytes: Bytes): string {
    this.#weights.set(name, { type, dims, bytes });
    return name;
  }

  /** Whole numbers, such as a shape; equal ones are one constant. */
  ints(values: readonly number[], dims: readonly number[] = [values.length]): string {
    const name = `ints_${dims.length}_${values.join("_")}`;
    const numbers = BigInt64Array.from(values, BigInt);
    return this.weight(name, "int64", dims, ready(new Uint8Array(numbers.buffer)));
  }

  /**
   * The file, and the one beside it that has its weights where these are too large for one.
   * @param externalName the file beside it
   */
  serialize(externalName: string, limit = maxEmbeddedBytes): { model: Message; external?: readonly Bytes[] } {
    const total = [...this.#weights.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    const file: ExternalFile | undefined =
      total > limit ? { name: externalName, byteLength: 0, parts: [] } : undefined;
    const graph = new Message().string(2, this.name);
    for (const node of this.#nodes) graph.bytes(1, node);
    for (const [name, { type, dims, bytes }] of this.#weights) {
      const tensor = new Message();
      for (const dim of dims) tensor.int(1, dim);
      tensor.int(2, elementTypes[type]).string(8, name);
      const isOutside = file !== undefined && bytes.byteLength > smallBytes;
      graph.bytes(5, isOutside ? inFile(tensor, file, bytes) : tensor.bytes(9, bytes));
    }
    for (const each of this.#inputs) graph.bytes(11, each);
    for (const each of this.#outputs) graph.bytes(12, each);
    const model = new Message()
      .int(1, irVersion)
      .string(2, "codyra")
      .bytes(7, graph)
      .bytes(8, new Message().string(1, "").int(2, opset));
    return { model, external: file?.parts };
  }

  #write(operator: string, inputs: readonly string[], output: string, attributes: Attributes): string {
    const node = new Message();
    for (const input of inputs) node.string(1, input);
    node.string(2, output).string(3, output).string(4, operator);
    for (const [name, value] of Object.entries(attributes)) node.bytes(5, attribute(name, value));
    this.#nodes.push(node);
    return output;
  }
}

/** Bytes that are there already. */
export function ready(bytes: Uint8Array): Bytes {
  return { byteLength: bytes.byteLength, make: () => bytes };
}

function attribute(name: string, value: Attributes[string]): Message {
  const message = new Message().string(1, name);
  if (typeof value === "number") return message.int(3, value).int(20, attributeTypes.int);
  if ("float" in value) return message.float(2, value.float).int(20, attributeTypes.float);
  for (const each of value) message.int(8, each);
  return message.int(20, attributeTypes.ints);
}

function valueInfo(name: string, type: ElementType, dims: readonly Dimension[]): Message {
  const shape = new Message();
  for (const dim of dims)
    shape.bytes(1, typeof dim === "number" ? new Message().int(1, dim) : new Message().string(2, dim));
  const tensor = new Message().int(1, elementTypes[type]).bytes(2, shape);
  return new Message().string(1, name).bytes(2, new Message().bytes(1, tensor));
}

function inFile(tensor: Message, file: ExternalFile, bytes: Bytes): Message {
  const entries = { location: file.name, offset: file.byteLength, length: bytes.byteLength };
  for (const [key, value] of Object.entries(entries))
    tensor.bytes(13, new Message().string(1, key).string(2, String(value)));
  file.parts.push(bytes);
  file.byteLength += bytes.byteLength;
  return tensor.int(14, external);
}

import { numelOf } from "../../torch/index.js";
import type { MatlabValue } from "./matlab.js";

export interface MatlabElement {
  readonly type: number;
  readonly data: Uint8Array;
}

/** Reads the elements of a MATLAB file, never beyond their ends. Numbers are those of the format's tables. */
export class MatlabReader {
  private position = 0;
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly littleEndian: boolean,
    private readonly source: string,
    private readonly depth = 0,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.position >= this.bytes.length;
  }

  /** A reader over the data of an element. */
  over(bytes: Uint8Array): MatlabReader {
    if (this.depth >= maxDepth) this.fail(`values are nested more than ${maxDepth} deep`);
    return new MatlabReader(bytes, this.littleEndian, this.source, this.depth + 1);
  }

  element(): MatlabElement {
    const first = this.uint32();
    if (first >>> 16 !== 0) {
      const data = this.take(first >>> 16);
      this.skip(4 - data.length);
      return { type: first & 0xffff, data };
    }
    const data = this.take(this.uint32());
    if (first !== compressedElement) this.skip((8 - (data.length % 8)) % 8);
    return { type: first, data };
  }

  /** Reads a matrix element if it is one of the wanted variables. */
  variable(wanted: readonly string[], found: Map<string, MatlabValue>): void {
    const header = this.header();
    if (header !== undefined && wanted.includes(header.name)) found.set(header.name, this.body(header));
  }

  /** @returns `undefined` for an element without content, which stands for an empty array */
  private header(): Header | undefined {
    if (this.isAtEnd) return undefined;
    const flags = this.over(this.element().data).uint32();
    const shape = this.numbers();
    return { flags, shape, name: latin1(this.element().data) };
  }

  private body({ flags, shape, name }: Header): MatlabValue {
    const kind = flags & 0xff;
    const length = numelOf([...shape]);
    const what = name === "" ? "a value" : `variable "${name}"`;
    if ((flags & complexFlag) !== 0) return this.fail(`${what} is complex`);
    if (kind === cellArray) return this.values(length);
    if (kind === structArray) return this.structures(length);
    if (kind === charArray) {
      return (shape[0] ?? 0) <= 1 ? this.characters() : this.fail(`${what} is a text of ${shape[0]} rows`);
    }
    if (kind < doubleArray || kind > uint64Array) return this.fail(`${what} has class ${kind}`);
    const values = this.numbers();
    return values.length === length ? values : this.fail(`${what} has not as many numbers as it says`);
  }

  private values(length: number): MatlabValue[] {
    const values: MatlabValue[] = [];
    for (let i = 0; i < length; i++) {
      const { type, data } = this.element();
      if (type !== matrixElement) this.fail(`a value has type ${type}, expected ${matrixElement}`);
      const reader = this.over(data);
      const header = reader.header();
      values.push(header === undefined ? new Float64Array() : reader.body(header));
    }
    return values;
  }

  private structures(length: number): ReadonlyMap<string, MatlabValue>[] {
    const [width = 0] = this.numbers();
    const names = latin1(this.element().data);
    if (names !== "" && !(Number.isInteger(width) && width > 0))
      this.fail(`field names have length ${width}`);
    const fields: string[] = [];
    for (let start = 0; start < names.length; start += width) {
      fields.push(names.slice(start, start + width).replace(/\0.*$/s, ""));
    }
    if (fields.length === 0) return [];
    const structures: ReadonlyMap<string, MatlabValue>[] = [];
    for (let i = 0; i < length; i++) {
      const values = this.values(fields.length);
      structures.push(new Map(fields.map((field, index) => [field, values[index] as MatlabValue])));
    }
    return structures;
  }

  private characters(): string {
    const { type, data } = this.element();
    if (type === utf8Element) return Buffer.from(data).toString("utf8");
    const codes = this.decode({ type, data });
    return Array.from(codes, (code) => String.fromCharCode(code)).join("");
  }

  private numbers(): Float64Array {
    return this.decode(this.element());
  }

  private decode({ type, data }: MatlabElement): Float64Array {
    const number = numberTypes[type];
    if (number === undefined || data.length % number.bytes !== 0) {
      return this.fail(`${data.length} bytes of type ${type} are no numbers`);
    }
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const read = (_: unknown, index: number) => number.read(view, index * number.bytes, this.littleEndian);
    return Float64Array.from({ length: data.length / number.bytes }, read);
  }

  private uint32(): number {
    const start = this.position;
    this.take(4);
    return this.view.getUint32(start, this.littleEndian);
  }

  private take(length: number): Uint8Array {
    const start = this.position;
    if (length > this.bytes.length - start) {
      return this.fail(`it is cut off: ${length} more bytes expected, ${this.bytes.length - start} left`);
    }
    this.position = start + length;
    return this.bytes.subarray(start, start + length);
  }

  /** Padding may be missing at the end. */
  private skip(length: number): void {
    if (length < 0) this.fail("a short element has more than 4 bytes");
    this.position = Math.min(this.position + length, this.bytes.length);
  }

  private fail(what: string): never {
    throw new Error(`${this.source}: cannot be read as a MATLAB file: ${what}. Download it again.`);
  }
}

interface Header {
  readonly flags: number;
  readonly shape: Float64Array;
  readonly name: string;
}

const maxDepth = 16;
const [matrixElement, compressedElement, utf8Element] = [14, 15, 16];
const [cellArray, structArray, charArray, doubleArray, uint64Array] = [1, 2, 4, 6, 15];
const complexFlag = 0x800;

interface NumberType {
  readonly bytes: number;
  read(view: DataView, offset: number, littleEndian: boolean): number;
}

const numberTypes: Readonly<Record<number, NumberType>> = {
  1: { bytes: 1, read: (view, offset) => view.getInt8(offset) },
  2: { bytes: 1, read: (view, offset) => view.getUint8(offset) },
  3: { bytes: 2, read: (view, offset, little) => view.getInt16(offset, little) },
  4: { bytes: 2, read: (view, offset, little) => view.getUint16(offset, little) },
  5: { bytes: 4, read: (view, offset, little) => view.getInt32(offset, little) },
  6: { bytes: 4, read: (view, offset, little) => view.getUint32(offset, little) },
  7: { bytes: 4, read: (view, offset, little) => view.getFloat32(offset, little) },
  9: { bytes: 8, read: (view, offset, little) => view.getFloat64(offset, little) },
  12: { bytes: 8, read: (view, offset, little) => Number(view.getBigInt64(offset, little)) },
  13: { bytes: 8, read: (view, offset, little) => Number(view.getBigUint64(offset, little)) },
  17: { bytes: 2, read: (view, offset, little) => view.getUint16(offset, little) },
};

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

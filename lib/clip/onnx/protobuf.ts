// Protocol Buffers, https://protobuf.dev/programming-guides/encoding: a message is a list of fields. Each is
// a key, `number << 3 | type`, and a value: a varint (type 0), four bytes (5), or a length and bytes (2).

/** Bytes whose number is known before they are made, so that no more than one of many is in memory. */
export interface Bytes {
  readonly byteLength: number;
  make(): Uint8Array;
}

const varintType = 0;
const lengthType = 2;
const fixed32Type = 5;

/** A message that is being put together; `chunks` are its bytes in order. */
export class Message implements Iterable<Uint8Array> {
  readonly #parts: (Uint8Array | Bytes | Message)[] = [];
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** @param value whole; negative ones take ten bytes, as the format has them */
  int(field: number, value: number): this {
    return this.#push(varint((field << 3) | varintType)).#push(varint(value));
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#push(varint((field << 3) | fixed32Type)).#push(bytes);
  }

  string(field: number, text: string): this {
    return this.bytes(field, new TextEncoder().encode(text));
  }

  /** Bytes or a message in a field. */
  bytes(field: number, value: Uint8Array | Bytes | Message): this {
    return this.#push(varint((field << 3) | lengthType))
      .#push(varint(value.byteLength))
      .#push(value);
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    for (const part of this.#parts) {
      if (part instanceof Message) yield* part;
      else yield part instanceof Uint8Array ? part : part.make();
    }
  }

  #push(part: Uint8Array | Bytes | Message): this {
    this.#parts.push(part);
    this.#byteLength += part.byteLength;
    return this;
  }
}

/** Seven bits a byte, the lowest first; all but the last byte have their highest bit set. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}

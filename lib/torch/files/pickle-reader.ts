const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads the numbers and texts of a pickle, never beyond its end. */
export class PickleReader {
  position = 0;
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly fail: (what: string) => never,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  uint8 = (): number => this.view.getUint8(this.take(1));
  uint16 = (): number => this.view.getUint16(this.take(2), true);
  uint32 = (): number => this.view.getUint32(this.take(4), true);
  int32 = (): number => this.view.getInt32(this.take(4), true);
  uint64 = (): number => Number(this.view.getBigUint64(this.take(8), true));
  float64 = (): number => this.view.getFloat64(this.take(8)); // the one number that is big-endian

  /** A view of the next `length` bytes. */
  slice(length: number): Uint8Array {
    const start = this.take(length);
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + start, length);
  }

  text(length: number): string {
    const start = this.position;
    try {
      return utf8.decode(this.slice(length));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return this.fail(`the text at byte ${start} is not UTF-8`);
    }
  }

  /** Up to the next line feed, which is skipped. */
  line(): string {
    const end = this.bytes.indexOf(10, this.position);
    if (end < 0) return this.fail("its last line has no end");
    const line = this.slice(end - this.position);
    this.position = end + 1;
    return latin1(line);
  }

  /** A signed little-endian integer. */
  integer(length: number): number | bigint {
    if (length > 1024) return this.fail(`it holds an integer of ${length} bytes, expected at most 1024`);
    const digits = Buffer.from(this.slice(length)).reverse().toString("hex");
    return narrowed(BigInt.asIntN(8 * length, BigInt(`0x${digits || "0"}`)));
  }

  private take(length: number): number {
    const start = this.position;
    if (length > this.bytes.length - start) {
      return this.fail(`it is cut off: ${length} more bytes expected, ${this.bytes.length - start} left`);
    }
    this.position = start + length;
    return start;
  }
}

/** A number where it is exact. */
export function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** One character per byte. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

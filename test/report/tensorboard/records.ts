import { readFileSync } from "node:fs";
import { maskedCrc32c } from "../../../lib/report/tensorboard/crc32c.js";

/**
 * The data of all records of a TFRecord file.
 * @throws if a checksum is wrong, or the file ends within a record
 */
export function readRecords(path: string): Buffer[] {
  const file = readFileSync(path);
  const records: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    const data = file.subarray(at + 12, at + 12 + length);
    checkEqual(file.readUInt32LE(at + 8), maskedCrc32c(file.subarray(at, at + 8)), "checksum of the length");
    checkEqual(file.readUInt32LE(at + 12 + length), maskedCrc32c(data), "checksum of the data");
    records.push(data);
    at += 16 + length;
  }
  return records;
}

export type Fields = { field: number; value: number | bigint | Buffer }[];

/** The fields of a protocol buffer message, in their order. */
export function readFields(message: Buffer): Fields {
  const fields: Fields = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (bytes: number): Buffer => {
    at += bytes;
    return message.subarray(at - bytes, at);
  };
  const readers = new Map<number, () => Fields[number]["value"]>([
    [0, varint],
    [1, () => take(8).readDoubleLE()],
    [2, () => take(Number(varint()))],
    [5, () => take(4).readFloatLE()],
  ]);
  while (at < message.length) {
    const key = Number(varint());
    fields.push({ field: key >> 3, value: readers.get(key & 7)!() });
  }
  return fields;
}

/** A step and the scalars or marks of one event. */
export interface ReadEvent {
  readonly step: number;
  readonly fileVersion?: string;
  readonly isRestart?: boolean;
  readonly scalars?: Record<string, number>;
}

/** All events of an event file. */
export function readEventFile(path: string): ReadEvent[] {
  return readRecords(path).map((record) => {
    const fields = new Map(readFields(record).map(({ field, value }) => [field, value]));
    const step = Number(fields.get(2) ?? 0);
    if (fields.has(3)) return { step, fileVersion: String(fields.get(3)) };
    if (fields.has(7)) return { step, isRestart: true };
    const values = readFields(fields.get(5) as Buffer).map(({ value }) => {
      const [tag, number] = readFields(value as Buffer);
      return [String(tag?.value), number?.value as number] as const;
    });
    return { step, scalars: Object.fromEntries(values) };
  });
}

function checkEqual(found: number, expected: number, what: string): void {
  if (found !== expected) throw new Error(`${what}: expected ${expected}, got ${found}`);
}

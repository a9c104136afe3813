import { maskedCrc32c } from "./crc32c.js";

/**
 * One record of a TFRecord file: length (uint64), checksum of the length, data, checksum of the data; all
 * little-endian. https://www.tensorflow.org/tutorials/load_data/tfrecord
 */
export function encodeRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(12 + data.length + 4);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return record;
}

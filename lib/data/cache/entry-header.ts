import { open } from "node:fs/promises";
import { z } from "zod";

/** Bytes before the data: 8 of length, then JSON, filled up with blanks. */
export const headerBytes = 4096;
/** Size of the record of one image. */
export const recordBytes = 12;
const lengthBytes = 8;
const maxNameLength = 200; // keeps the JSON below the fixed length, whatever characters it is of

export interface EntryShape {
  readonly count: number;
  /** Side of the images, pixels. */
  readonly size: number;
}

export interface EntryDescription {
  /** Name of the images, for people. */
  readonly name: string;
  /** `ImageTransform.key`. */
  readonly transform: string;
}

const schema = z.object({
  __metadata__: z.object({ name: z.string(), transform: z.string() }),
  images: z.object({ shape: z.tuple([z.int(), z.literal(3), z.int(), z.int()]) }),
});

/**
 * The header of a safetensors file with `records`, int32 `[count, 3]`, and `images`, uint8 `[count, 3, S,
 * S]`.
 */
export function formatHeader({ count, size }: EntryShape, { name, transform }: EntryDescription): Buffer {
  const recordsEnd = recordBytes * count;
  const imagesEnd = recordsEnd + 3 * count * size ** 2;
  const json = JSON.stringify({
    __metadata__: { name: name.slice(0, maxNameLength), transform: transform.slice(0, maxNameLength) },
    records: { dtype: "I32", shape: [count, 3], data_offsets: [0, recordsEnd] },
    images: { dtype: "U8", shape: [count, 3, size, size], data_offsets: [recordsEnd, imagesEnd] },
  });
  const header = Buffer.alloc(headerBytes, " ");
  header.writeBigUInt64LE(BigInt(headerBytes - lengthBytes));
  header.write(json, lengthBytes);
  return header;
}

/** Reads the header of a file of cached images; nothing if it is not one. */
export async function readHeader(path: string): Promise<(EntryShape & EntryDescription) | undefined> {
  await using file = await open(path, "r");
  const header = Buffer.alloc(headerBytes);
  await file.read(header, 0, headerBytes, 0);
  try {
    const { __metadata__, images } = schema.parse(JSON.parse(header.toString("utf8", lengthBytes)));
    return { ...__metadata__, count: images.shape[0], size: images.shape[2] };
  } catch {
    return undefined;
  }
}

import { expect, it } from "vitest";
import { crc32c, maskedCrc32c } from "../../../lib/report/tensorboard/crc32c.js";

// RFC 3720, appendix B.4, where the bytes of the checksum are printed in reverse.
it.each([
  ["32 zeros", Buffer.alloc(32), 0x8a9136aa],
  ["32 ones", Buffer.alloc(32, 0xff), 0x62a8ab43],
  ["32 rising bytes", Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ["32 falling bytes", Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
  ["the check string of CRC catalogues", Buffer.from("123456789"), 0xe3069283],
  ["nothing", Buffer.alloc(0), 0],
])("crc32c of %s", (_name, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});

it("masks by rotating 15 bits to the right and adding a constant", () => {
  // 0xe3069283 rotated: 0x2507c60d; plus 0xa282ead8.
  expect(maskedCrc32c(Buffer.from("123456789"))).toBe(0xc78ab0e5);
  // The length of a record of 24 bytes, with the checksum that TensorBoard's own writer puts after it.
  expect(maskedCrc32c(Buffer.from("1800000000000000", "hex"))).toBe(0x224b7fa3);
});

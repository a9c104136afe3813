const extremes = [0n, 1n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x7fffffffffffffffn, 0xffffffffffffffffn];
const words = ["null", "-1", "0", "1e400", "1e9", "[]", "{}", '""', "true", "9007199254740993", '"\\u0000"'];

/** Each changes the bytes at a place. */
const mutations = {
  flip(bytes, random) {
    for (let i = random.below(8); i >= 0; i--) bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    return bytes;
  },
  overwrite(bytes, random) {
    const start = random.below(bytes.length);
    for (let i = start; i < Math.min(start + 16, bytes.length); i++) bytes[i] = random.below(256);
    return bytes;
  },
  truncate: (bytes, random) => bytes.subarray(0, random.below(bytes.length)),
  remove(bytes, random) {
    const start = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 1 + random.below(64))]);
  },
  repeat(bytes, random) {
    const start = random.below(bytes.length);
    const end = start + 1 + random.below(64);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
  },
  /** A length, a count or an offset, where one stands. */
  extreme(bytes, random) {
    const width = random.pick([1, 2, 4, 8]);
    if (bytes.length < width) return bytes;
    const value = BigInt.asUintN(8 * width, random.pick(extremes));
    const start = random.below(random.pick([Math.min(bytes.length, 64), bytes.length]) - width + 1);
    for (let i = 0; i < width; i++) bytes[start + i] = Number((value >> BigInt(8 * i)) & 0xffn);
    return bytes;
  },
  /** In a text, a number or a string becomes another value. */
  value(bytes, random) {
    const values = [
      ...bytes
        .subarray(0, 1 << 16)
        .toString("latin1")
        .matchAll(/-?\d+(\.\d+)?|"[^"\n]*"|true|false|null/g),
    ];
    if (values.length === 0) return bytes;
    const { index, 0: old } = random.pick(values);
    return Buffer.concat([
      bytes.subarray(0, index),
      Buffer.from(random.pick(words)),
      bytes.subarray(index + old.length),
    ]);
  },
};

/** A file as it might come from a bad disk, a broken download or somebody with intent. */
export function mutate(original, random) {
  let bytes = Buffer.from(original);
  for (let i = random.below(3); i >= 0 && bytes.length > 0; i--)
    bytes = mutations[random.pick(Object.keys(mutations))](bytes, random);
  return bytes;
}

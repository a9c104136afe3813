// The TypeScript side of each schema type: its type, its test at run time, and its way to the addon and back.

/** @typedef {import("./schema.mjs").Type} Type */

const integer = { type: "number", kinds: ["number", "bigint"], result: (call) => `${call} as number` };

/**
 * Types that go to the addon as they are. `kinds` are the values that `typeof` and friends can tell apart.
 */
const plain = {
  int: integer,
  SymInt: integer,
  float: { type: "number", kinds: ["number"], result: (call) => `${call} as number` },
  bool: { type: "boolean", kinds: ["boolean"], result: (call) => `${call} as boolean` },
  Scalar: { type: "Scalar", kinds: ["number", "bigint", "boolean"], result: (call) => `${call} as Scalar` },
  str: { type: "string", kinds: ["string"] },
  ScalarType: { type: "DType", kinds: ["string"] },
  Device: { type: "Device", kinds: ["string"] },
  Layout: { type: "Layout", kinds: ["string"] },
  MemoryFormat: { type: "MemoryFormat", kinds: ["string"] },
};

/**
 * How an argument of this type appears in TypeScript.
 * @param {Type} type
 * @throws on a type it does not know
 */
export function describeArgument(type) {
  const none = type.isOptional ? { types: ["null"], kinds: ["null"] } : { types: [], kinds: [] };
  const make = (types, kinds, pass, isPlain = false) => ({
    types: [...types, ...none.types],
    kinds: [...kinds, ...none.kinds],
    pass,
    isPlain,
  });

  if (type.base === "Tensor") {
    if (!type.isList)
      return make(
        ["Tensor"],
        ["tensor"],
        (value) => `${type.isOptional ? "optionalHandle" : "handle"}(${value})`,
      );
    if (type.isOptional) throw unknown(type);
    return make(
      [`readonly ${type.hasOptionalElements ? "(Tensor | null)" : "Tensor"}[]`],
      ["array"],
      (value) => `handles(${value})`,
    );
  }
  if (type.base === "Generator" && !type.isList)
    return make(["Generator"], ["object"], (value) => `generatorHandle(${value})`);

  const element = plain[type.base];
  if (element === undefined || type.hasOptionalElements) throw unknown(type);
  const asIs = (value) => value;
  if (!type.isList) return make([element.type], element.kinds, asIs, true);
  const list = `readonly ${element.type}[]`;
  // A list of fixed length may be given as one value for all its elements, as in PyTorch: `int[2] stride` as
  // 2.
  return type.size === undefined
    ? make([list], ["array"], asIs, true)
    : make([element.type, list], [...element.kinds, "array"], asIs, true);
}

/**
 * The TypeScript type of the results, and the statement's expression around the call.
 * @throws on a type it does not know
 */
export function describeResult(returns) {
  if (returns.length === 0) return { type: "void", convert: (call) => call };
  if (returns.length === 1) {
    const { type } = returns[0];
    if (type.base === "Tensor" && !type.hasOptionalElements) {
      if (type.isList && !type.isOptional)
        return { type: "Tensor[]", convert: (call) => `wrapList(${call})` };
      if (!type.isList && type.isOptional)
        return { type: "Tensor | undefined", convert: (call) => `wrapOptional(${call})` };
      if (!type.isList) return { type: "Tensor", convert: (call) => `wrap(${call})` };
    }
    const { type: name, result } = plain[type.base] ?? {};
    if (result === undefined || type.isList || type.isOptional) throw unknown(type);
    return { type: name, convert: result };
  }
  for (const { type } of returns)
    if (type.base !== "Tensor" || type.isList || type.isOptional) throw unknown(type);
  const isNamed = returns.every(({ name }) => name !== "");
  const tuple = `[${returns.map(({ name }) => (isNamed ? `${name}: Tensor` : "Tensor")).join(", ")}]`;
  return { type: tuple, convert: (call) => `wrapList(${call}) as ${tuple}` };
}

function unknown({ base, isList, isOptional, hasOptionalElements }) {
  const text = `${base}${hasOptionalElements ? "?" : ""}${isList ? "[]" : ""}${isOptional ? "?" : ""}`;
  return new Error(
    `type '${text}' has no TypeScript form here. Add it to scripts/generate/types.mjs, or leave the operator out.`,
  );
}

const scalarTypes = ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"];
const memoryFormats = ["contiguous", "preserve", "channels_last", "channels_last_3d"];

/**
 * A schema's default value as TypeScript shows it; nothing for `None`.
 * @param {import("./schema.mjs").Argument} argument
 */
export function describeDefault({ type, default: value }) {
  if (value === undefined || value === "None") return undefined;
  if (value === "True" || value === "False") return value.toLowerCase();
  if (type.base === "ScalarType") return JSON.stringify(scalarTypes[value]);
  if (type.base === "MemoryFormat") return JSON.stringify(memoryFormats[value]);
  return Number.isNaN(Number(value)) ? value : String(Number(value));
}

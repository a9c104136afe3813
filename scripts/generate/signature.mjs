// Turns the overloads of one operator into TypeScript signatures.
//
// Arguments keep their order. Keyword-only ones become fields of one trailing `options` object. So do
// positional ones with a default if the overload has more than two, and arguments that are options of other
// overloads.

import { camelCase } from "./names.mjs";
import { describeArgument, describeDefault, describeResult } from "./types.mjs";

/** @typedef {import("./schema.mjs").Schema} Schema */
/** @typedef {import("./options.mjs").OptionsRegistry} OptionsRegistry */

/**
 * @param {Schema[]} schemas the overloads of one function
 * @param {OptionsRegistry} registry collects the options interfaces
 */
export function makeOverloads(schemas, registry) {
  const optionNames = collectOptionNames(schemas);
  return schemas.map((schema) => {
    try {
      return makeOverload(schema, optionNames, registry);
    } catch (cause) {
      throw new Error(`${schema.text}: ${cause.message}`, { cause });
    }
  });
}

const maxPositionalDefaults = 2;

function collectOptionNames(schemas) {
  const names = new Set(
    schemas.flatMap((schema) =>
      schema.arguments.filter(({ isKeyword }) => isKeyword).map(({ name }) => name),
    ),
  );
  for (let before = -1; before !== names.size; ) {
    before = names.size;
    for (const schema of schemas) {
      const defaulted = schema.arguments.filter(
        (argument) => argument.default !== undefined && !names.has(argument.name),
      );
      if (defaulted.length > maxPositionalDefaults) for (const { name } of defaulted) names.add(name);
    }
  }
  return names;
}

function makeOverload(schema, optionNames, registry) {
  const isOption = ({ name, isKeyword, default: value }) =>
    isKeyword || (value !== undefined && optionNames.has(name));
  const parameters = schema.arguments.filter((argument) => !isOption(argument)).map(makeParameter);
  const fields = schema.arguments.filter(isOption).map(makeField);
  if (fields.length > 0) {
    const isOptional = fields.every((field) => field.isOptional);
    const kinds = ["options", ...(isOptional ? ["undefined"] : [])];
    parameters.push({
      name: "options",
      types: [registry.nameFor(schema, fields)],
      isOptional,
      kinds,
      isPlain: false,
    });
  }
  const firstOptional = parameters.findIndex((parameter) => parameter.isOptional);
  if (firstOptional >= 0 && parameters.slice(firstOptional).some((parameter) => !parameter.isOptional)) {
    throw new Error("a required parameter follows an optional one. Choose another overload.");
  }
  return { schema, parameters, sources: sourcesOf(schema, isOption), result: describeResult(schema.returns) };
}

function makeParameter(argument) {
  const { types, kinds, isPlain } = describeArgument(argument.type);
  const isOptional = argument.default !== undefined;
  return {
    name: camelCase(argument.name),
    types,
    isOptional,
    isPlain,
    kinds: isOptional ? [...kinds, "undefined"] : kinds,
  };
}

function makeField(argument) {
  // Without a generator PyTorch takes the default one, although the schemas of `rand.generator` and its like
  // give no default.
  const isOptional = argument.default !== undefined || argument.type.base === "Generator";
  const { types } = describeArgument(argument.type);
  return {
    name: camelCase(argument.name),
    type: types.join(" | "),
    isOptional,
    default: describeDefault(argument),
  };
}

/** The source of each argument of the schema: the parameter at an index, or a field of the options. */
function sourcesOf(schema, isOption) {
  let index = 0;
  return schema.arguments.map((argument) => ({
    pass: describeArgument(argument.type).pass,
    ...(isOption(argument) ? { field: camelCase(argument.name) } : { index: index++ }),
  }));
}

/**
 * Joins signatures that differ in the types of one parameter: `other: Tensor` and `other: Scalar` become
 * `other: Tensor | Scalar`.
 * @returns signatures `{ parameters, result, schemas }`, at most one per overload
 */
export function mergeSignatures(overloads) {
  const signatures = overloads.map(({ schema, parameters, result }) => ({
    parameters,
    result: result.type,
    schemas: [schema],
  }));
  for (let i = 0; i < signatures.length; i++) {
    for (let j = i + 1; j < signatures.length; j++) {
      const merged = merge(signatures[i], signatures[j]);
      if (merged === undefined) continue;
      signatures[i] = merged;
      signatures.splice(j, 1);
      i = -1;
      break;
    }
  }
  return signatures;
}

function merge(a, b) {
  if (a.result !== b.result || a.parameters.length !== b.parameters.length) return undefined;
  const differing = a.parameters.flatMap((parameter, i) => (isSame(parameter, b.parameters[i]) ? [] : [i]));
  if (differing.length !== 1) return undefined;
  const [at] = differing;
  const [left, right] = [a.parameters[at], b.parameters[at]];
  if (left.isOptional !== right.isOptional || left.name === "options" || right.name === "options")
    return undefined;
  const joined = { ...left, types: union(left.types, right.types), isPlain: left.isPlain && right.isPlain };
  return { ...a, parameters: a.parameters.with(at, joined), schemas: [...a.schemas, ...b.schemas] };
}

const isSame = (a, b) => a.isOptional === b.isOptional && a.types.join() === b.types.join();

/** Distinct types in order, `null` last. @param {string[][]} lists */
const union = (...lists) => sortLast([...new Set(lists.flat())], "null");

const sortLast = (list, last) => [
  ...list.filter((item) => item !== last),
  ...list.filter((item) => item === last),
];

/** The signature of the code behind several: each parameter is whatever any of them has at its place. */
export function implementationOf(signatures) {
  if (signatures.length === 1) return signatures[0];
  const width = Math.max(...signatures.map(({ parameters }) => parameters.length));
  const parameters = Array.from({ length: width }, (_, i) => {
    const present = signatures.flatMap((signature) => signature.parameters.slice(i, i + 1));
    const names = sortLast([...new Set(present.map(({ name }) => name))], "options");
    return {
      name: camelCase(names.join("_or_")),
      types: union(...present.map(({ types }) => types)),
      isOptional: present.length < signatures.length || present.some(({ isOptional }) => isOptional),
    };
  });
  return { parameters, result: union(signatures.map(({ result }) => result)).join(" | ") };
}

/** `dim?: number | null` */
export const declare = ({ name, types, isOptional }) =>
  `${name}${isOptional ? "?" : ""}: ${types.join(" | ")}`;

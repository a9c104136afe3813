// One exported function: its operators, its signatures, and the body that finds the overload and calls it.

import { conditionOf, decide } from "./dispatch.mjs";
import { constantName, functionName, optionKeysName } from "./names.mjs";
import { declare, implementationOf, mergeSignatures } from "./signature.mjs";

const reserved = new Set(
  "delete do export for if import in new null return switch this typeof var void while with".split(" "),
);

/** @param {object[]} overloads those of one function, from `makeOverloads` */
export function emitFunction(overloads) {
  const exportedName = functionName(overloads[0].schema);
  const isReserved = reserved.has(exportedName);
  const name = isReserved ? `${exportedName}_` : exportedName;
  const constants = overloads.map(({ schema }) => {
    return `const ${constantName(schema)} = lazyOperator("${schema.name}", "${schema.overload}");`;
  });

  const signatures = mergeSignatures(overloads);
  const implementation = implementationOf(signatures);
  const head = ({ parameters, result }) => {
    return `${isReserved ? "" : "export "}function ${name}(${parameters.map(declare).join(", ")}): ${result}`;
  };
  const tree = emitTree(decide(overloads), implementation.parameters);
  const body = [...emitCheck(exportedName, implementation.parameters), tree].join("\n");
  const declarations = emitSignatures(signatures, implementation, head, body);
  const alias = isReserved ? [`export { ${name} as ${exportedName} };`] : [];
  return [constants.join("\n"), declarations, ...alias].join("\n\n");
}

/**
 * The documented signatures, and the implementation with its body; the same thing when there is one
 * signature.
 */
export function emitSignatures(signatures, implementation, head, body) {
  const documented = signatures.map((signature) => `${emitDoc(signature.schemas)}\n${head(signature)}`);
  if (signatures.length === 1) return `${documented[0]} {\n${body}\n}`;
  return `${documented.join(";\n")};\n${head(implementation)} {\n${body}\n}`;
}

function emitDoc(schemas) {
  if (schemas.length === 1) return `/** \`${schemas[0].text}\` */`;
  return `/**\n${schemas.map(({ text }) => ` * - \`${text}\``).join("\n")}\n */`;
}

/**
 * The statements of a decision tree.
 * @param {object[]} parameters the implementation's parameters
 * @param {Set<number>} tensors parameters that the tests so far have shown to be tensors
 */
function emitTree(tree, parameters, tensors = new Set(), isLast = true) {
  if (tree.overload) return emitCall(tree.overload, parameters, tensors, isLast);
  const statements = tree.cases.map(({ kinds, tree: inner }, i) => {
    if (i === tree.cases.length - 1) return emitTree(inner, parameters, tensors, isLast);
    const isTensor = kinds.size === 1 && kinds.has("tensor");
    const code = emitTree(inner, parameters, isTensor ? new Set([...tensors, tree.index]) : tensors, false);
    return `if (${conditionOf(kinds, parameters[tree.index].name)}) ${code.includes("\n") ? `{\n${code}\n}` : code}`;
  });
  return statements.join("\n");
}

function emitCall(overload, parameters, tensors, isLast) {
  const { schema, sources, result } = overload;
  const options = emitOptions(schema, overload.parameters, parameters);
  const values = sources.map(({ pass, field, index }) => {
    if (field !== undefined) return pass(`${options.value}.${field}`);
    // The implementation may allow more types here than this overload does.
    const [own, { name, types, isOptional }] = [overload.parameters[index], parameters[index]];
    const isKnown =
      tensors.has(index) || (types.join() === own.types.join() && isOptional === own.isOptional);
    return pass(own.isPlain || isKnown ? name : `${name} as ${own.types.join(" | ")}`);
  });
  const call = result.convert(`call(${[`id(${constantName(schema)})`, ...values].join(", ")})`);
  const end = result.type === "void" ? [`${call};`, ...(isLast ? [] : ["return;"])] : [`return ${call};`];
  return [...options.statements, ...end].join("\n");
}

/** Refuses keys that do not exist, where the options of all overloads are the same. */
function emitCheck(name, parameters) {
  const { types } = parameters.find((parameter) => parameter.name === "options") ?? { types: [] };
  return types.length === 1 ? [`checkKeys(options, ${optionKeysName(types[0])}, "${name}");`] : [];
}

/**
 * The expression for an overload's options: `options`, or a checked copy under another name if that parameter
 * has several meanings.
 */
function emitOptions(schema, own, parameters) {
  const options = own.at(-1);
  if (options?.name !== "options") return { statements: [] };
  const { name, types, isOptional } = parameters[own.length - 1];
  const mark = options.isOptional ? "?" : "";
  const isSame = types.length === 1 && isOptional === options.isOptional;
  if (name === "options" && isSame) return { value: `options${mark}`, statements: [] };
  const type = [...options.types, ...(options.isOptional ? ["undefined"] : [])].join(" | ");
  return {
    value: `keywords${mark}`,
    statements: [
      `const keywords = ${name} as ${type};`,
      `checkKeys(keywords, ${optionKeysName(options.types[0])}, "${functionName(schema)}");`,
    ],
  };
}

// A method of Tensor: calls the function of the same name with `this` as `self`.

import { emitSignatures } from "./function.mjs";
import { functionName } from "./names.mjs";
import { declare, implementationOf, mergeSignatures } from "./signature.mjs";

/**
 * @param {object[]} overloads those of one function, from `makeOverloads`
 * @returns {string[]} nothing if no overload takes a tensor `self`
 */
export function emitMethod(overloads) {
  const own = overloads.filter(({ schema }) => takesSelf(schema));
  if (own.length === 0) return [];
  const name = functionName(own[0].schema);
  const signatures = mergeSignatures(own).map(withoutSelf);
  const implementation = implementationOf(signatures);
  const head = ({ parameters, result }) =>
    `${name}(${["this: Tensor", ...parameters.map(declare)].join(", ")}): ${result}`;
  const call = `operators.${name}(${["this", ...passed(implementation, signatures)].join(", ")});`;
  return [
    emitSignatures(
      signatures,
      implementation,
      head,
      implementation.result === "void" ? call : `return ${call}`,
    ),
  ];
}

const takesSelf = ({ arguments: [first] }) =>
  first?.name === "self" && first.type.base === "Tensor" && !first.type.isList;

function withoutSelf(signature) {
  const qualify = (type) => (type.endsWith("Options") ? `operators.${type}` : type);
  const parameters = signature.parameters
    .slice(1)
    .map((parameter) => ({ ...parameter, types: parameter.types.map(qualify) }));
  return { ...signature, parameters };
}

/**
 * The arguments as TypeScript wants them for the longest signature; which overload is meant is found out in
 * the function.
 */
function passed(implementation, signatures) {
  const { parameters: longest } = signatures.reduce((a, b) =>
    b.parameters.length > a.parameters.length ? b : a,
  );
  return implementation.parameters.map((parameter, i) => {
    const isSame = declare({ ...parameter, name: "" }) === declare({ ...longest[i], name: "" });
    return isSame ? parameter.name : `${parameter.name} as ${longest[i].types.join(" | ")}`;
  });
}

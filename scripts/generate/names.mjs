// From the names of schemas to those of TypeScript.

/**
 * `log_softmax` → `logSoftmax`, `_unique2` → `unique2`; a trailing underscore means in place and stays.
 * @param {string} name
 */
export const camelCase = (name) =>
  name.replace(/^_+/, "").replace(/_+(\w)/g, (_, letter) => letter.toUpperCase());

/** @param {string} name */
export function pascalCase(name) {
  const camel = camelCase(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}

/** `aten::log_softmax` → `logSoftmax`. @param {import("./schema.mjs").Schema} schema */
export const functionName = (schema) => camelCase(schema.name.replace(/^\w+::/, ""));

/**
 * `aten::add.Tensor` → `ADD_TENSOR`, the constant that holds the operator.
 * @param {import("./schema.mjs").Schema} schema
 */
export const constantName = ({ name, overload }) =>
  [name.replace(/^\w+::_*/, ""), overload].filter(Boolean).join("_").toUpperCase();

/** `ADD_OPTIONS_KEYS` of `AddOptions`. */
export function optionKeysName(interfaceName) {
  return `${interfaceName.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase()}_KEYS`;
}

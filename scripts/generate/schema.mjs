// Reads the schema text of PyTorch operators:
//   aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor

/**
 * @typedef {{ base: string, size: number | undefined, isList: boolean, isOptional: boolean,
 * hasOptionalElements: boolean }} Type
 * @typedef {{ name: string, type: Type, isKeyword: boolean, default: string | undefined }} Argument
 * @typedef {{ text: string, name: string, overload: string, arguments: Argument[], returns: { name: string,
 * type: Type }[] }} Schema
 */

/** The full name in front of a schema's parenthesis: `aten::add.Tensor`. @param {string} text */
export const nameOf = (text) => text.slice(0, text.indexOf("("));

/**
 * @param {string} text one schema
 * @returns {Schema}
 * @throws on syntax that it does not know
 */
export function parseSchema(text) {
  const match = /^([\w:]+)(?:\.(\w+))?\((.*)\) -> (.*)$/.exec(text);
  if (!match)
    throw new Error(
      `'${text}' is not a schema: expected 'name.overload(arguments) -> returns'. Check where it comes from.`,
    );
  const [, name, overload = "", parameters, results] = match;
  return {
    text,
    name,
    overload,
    arguments: parseArguments(parameters, text),
    returns: parseReturns(results, text),
  };
}

function parseArguments(list, text) {
  let isKeyword = false;
  const parsed = [];
  for (const part of splitList(list)) {
    if (part === "*") {
      isKeyword = true;
      continue;
    }
    const match = /^(\S+(?: -> \*\))?\S*) (\w+)(?:=(.*))?$/.exec(part);
    if (!match)
      throw new Error(
        `${text}: argument '${part}' has a form that parseSchema does not know. Teach it, or leave the operator out.`,
      );
    parsed.push({ name: match[2], type: parseType(match[1], text), isKeyword, default: match[3] });
  }
  return parsed;
}

function parseReturns(results, text) {
  const list = /^\((?![a-z]!?\))(.*)\)$/.exec(results)?.[1] ?? results;
  return splitList(list).map((part) => {
    const [type, name = ""] = part.split(" ");
    return { name, type: parseType(type, text) };
  });
}

/**
 * `Tensor?[]`, `SymInt[2]?`, `Tensor(a!)`: the letters in parentheses say what aliases what, which no wrapper
 * needs.
 */
function parseType(type, text) {
  const match = /^(\w+)(\?)?(\[(\d*)\])?(\?)?$/.exec(type.replace(/\([^)]*\)/, ""));
  if (!match)
    throw new Error(
      `${text}: type '${type}' has a form that parseSchema does not know. Teach it, or leave the operator out.`,
    );
  const [, base, mark, list, size, listMark] = match;
  const isList = list !== undefined;
  return {
    base,
    size: size ? Number(size) : undefined,
    isList,
    isOptional: isList ? listMark !== undefined : mark !== undefined,
    hasOptionalElements: isList && mark !== undefined,
  };
}

/** Splits at commas outside brackets and quotes. */
function splitList(list) {
  const parts = [];
  let depth = 0;
  let isQuoted = false;
  let start = 0;
  for (let i = 0; i <= list.length; i++) {
    const letter = list[i];
    if (letter === '"') isQuoted = !isQuoted;
    if (letter === "(" || letter === "[") depth++;
    if (letter === ")" || letter === "]") depth--;
    if (i === list.length || (letter === "," && depth === 0 && !isQuoted)) {
      parts.push(list.slice(start, i).trim());
      start = i + 1;
    }
  }
  return parts.filter((part) => part !== "");
}

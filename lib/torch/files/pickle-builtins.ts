import type { PickleGlobal, Unpickler } from "./pickle.js";

/** Classes and functions of Python's own that every pickle may use, by module and name. */
export function builtinGlobals(machine: Unpickler): ReadonlyMap<string, PickleGlobal> {
  const latin1Bytes = (text: string) => {
    machine.countCopy(text.length);
    return Uint8Array.from(Buffer.from(text, "latin1"));
  };
  const byName: Record<string, PickleGlobal["call"]> = {
    bytes: () => new Uint8Array(), // protocols below 3 write no bytes as a call without arguments
    bytearray(content = "") {
      if (content instanceof Uint8Array) return content;
      return typeof content === "string"
        ? latin1Bytes(content)
        : machine.fail("it makes bytes of what is no text");
    },
    set(items = []) {
      if (!Array.isArray(items)) machine.fail("it makes a set of no items");
      machine.countCopy(items.length);
      return new Set(items);
    },
    complex: (real, imaginary) => [real, imaginary],
  };
  const builtins = Object.entries(byName).flatMap(([name, call]): [string, PickleGlobal][] => [
    [`builtins.${name}`, { call }],
    [`__builtin__.${name}`, { call }], // of Python 2
  ]);
  return new Map<string, PickleGlobal>([
    ...builtins,
    ["collections.OrderedDict", { call: (items = []) => orderedDict(items, machine) }],
    ["collections.Counter", { call: (counts) => (counts instanceof Map ? counts : new Map()) }],
    // How protocols below 3 write bytes: a text to be encoded as Latin-1.
    [
      "_codecs.encode",
      {
        call: (text) =>
          typeof text === "string" ? latin1Bytes(text) : machine.fail("it encodes what is no text"),
      },
    ],
  ]);
}

function orderedDict(items: unknown, machine: Unpickler): Map<unknown, unknown> {
  if (!Array.isArray(items) || !items.every(Array.isArray))
    return machine.fail("it makes a dictionary of no items");
  machine.countCopy(items.length);
  return new Map(items as [unknown, unknown][]);
}

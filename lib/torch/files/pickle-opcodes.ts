import type { Unpickler } from "./pickle.js";
import { narrowed } from "./pickle-reader.js";

type Operation = (machine: Unpickler) => void;

/** The operations of a pickle, by code; the names are those of Python's `pickletools`. */
export const operations: ReadonlyMap<number, Operation> = new Map(
  Object.entries<Operation>({
    // Numbers and constants: NONE, NEWTRUE, NEWFALSE, INT, BININT, BININT1, BININT2, LONG, LONG1, LONG4,
    // FLOAT, BINFLOAT
    N: (m) => m.push(null),
    "\x88": (m) => m.push(true),
    "\x89": (m) => m.push(false),
    I: (m) => {
      const line = m.reader.line();
      m.push(line === "01" ? true : line === "00" ? false : parseInteger(line, m));
    },
    J: (m) => m.push(m.reader.int32()),
    K: (m) => m.push(m.reader.uint8()),
    M: (m) => m.push(m.reader.uint16()),
    L: (m) => m.push(parseInteger(m.reader.line().replace(/L$/, ""), m)),
    "\x8a": (m) => m.push(m.reader.integer(m.reader.uint8())),
    "\x8b": (m) => m.push(m.reader.integer(m.reader.uint32())),
    F: (m) => m.push(parseNumber(m.reader.line(), m)),
    G: (m) => m.push(m.reader.float64()),

    // Texts and bytes: UNICODE, BINUNICODE, SHORT_BINUNICODE, BINUNICODE8, STRING, BINSTRING,
    // SHORT_BINSTRING, BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8
    V: (m) => m.push(unescapeUnicode(m.reader.line())),
    X: (m) => m.push(m.reader.text(m.reader.uint32())),
    "\x8c": (m) => m.push(m.reader.text(m.reader.uint8())),
    "\x8d": (m) => m.push(m.reader.text(m.reader.uint64())),
    S: (m) => m.push(m.byteString(unquote(m.reader.line(), m))),
    T: (m) => m.push(m.byteString(m.reader.slice(m.reader.uint32()))),
    U: (m) => m.push(m.byteString(m.reader.slice(m.reader.uint8()))),
    B: (m) => m.push(m.reader.slice(m.reader.uint32())),
    C: (m) => m.push(m.reader.slice(m.reader.uint8())),
    "\x8e": (m) => m.push(m.reader.slice(m.reader.uint64())),
    "\x96": (m) => m.push(m.reader.slice(m.reader.uint64())),

    // Lists and tuples: EMPTY_LIST, LIST, APPEND, APPENDS, EMPTY_TUPLE, TUPLE, TUPLE1, TUPLE2, TUPLE3
    "]": (m) => m.push([]),
    l: (m) => m.push(m.popMark()),
    a: (m) => {
      const item = m.pop();
      m.append([item]);
    },
    e: (m) => {
      const items = m.popMark();
      m.append(items);
    },
    ")": (m) => m.push([]),
    t: (m) => m.push(m.popMark()),
    "\x85": (m) => m.push([m.pop()]),
    "\x86": (m) => m.push([m.pop(), m.pop()].reverse()),
    "\x87": (m) => m.push([m.pop(), m.pop(), m.pop()].reverse()),

    // Dictionaries: EMPTY_DICT, DICT, SETITEM, SETITEMS
    "}": (m) => m.push(new Map()),
    d: (m) => {
      const items = m.popMark();
      m.push(new Map());
      m.setItems(items);
    },
    s: (m) => {
      const value = m.pop();
      const key = m.pop();
      m.setItems([key, value]);
    },
    u: (m) => {
      const items = m.popMark();
      m.setItems(items);
    },

    // Sets: EMPTY_SET, ADDITEMS, FROZENSET
    "\x8f": (m) => m.push(new Set()),
    "\x90": (m) => {
      const items = m.popMark();
      m.addItems(items);
    },
    "\x91": (m) => m.push(new Set(m.popMark())),

    // Classes and functions: GLOBAL, STACK_GLOBAL, REDUCE, NEWOBJ, NEWOBJ_EX, INST, OBJ, BUILD, PERSID,
    // BINPERSID
    c: (m) => m.push(m.global(m.reader.line(), m.reader.line())),
    "\x93": (m) => {
      const name = m.pop();
      m.push(m.global(m.pop(), name));
    },
    R: callWithArguments,
    "\x81": callWithArguments,
    "\x92": (m) => {
      m.pop(); // arguments by name, which nothing that is allowed takes
      callWithArguments(m);
    },
    i: (m) => m.call(m.global(m.reader.line(), m.reader.line()), m.popMark()),
    o: (m) => {
      const [callee, ...args] = m.popMark();
      m.call(callee, args);
    },
    b: (m) => m.build(m.pop()),
    P: (m) => m.persistent(m.reader.line()),
    Q: (m) => m.persistent(m.pop()),

    // The stack, the memo and the frame: MARK, POP, POP_MARK, DUP, PUT, BINPUT, LONG_BINPUT, MEMOIZE, GET,
    // BINGET, LONG_BINGET, PROTO, FRAME
    "(": (m) => m.mark(),
    "0": (m) => m.discard(),
    "1": (m) => m.popMark(),
    "2": (m) => m.push(m.top()),
    p: (m) => m.memo.set(parseInteger(m.reader.line(), m), m.top()),
    q: (m) => m.memo.set(m.reader.uint8(), m.top()),
    r: (m) => m.memo.set(m.reader.uint32(), m.top()),
    "\x94": (m) => m.memo.set(m.memo.size, m.top()),
    g: (m) => pushMemo(m, parseInteger(m.reader.line(), m)),
    h: (m) => pushMemo(m, m.reader.uint8()),
    j: (m) => pushMemo(m, m.reader.uint32()),
    "\x80": (m) => {
      const protocol = m.reader.uint8();
      if (protocol > 5) m.fail(`it has protocol ${protocol}, expected at most 5`);
    },
    "\x95": (m) => m.reader.slice(8), // a frame is only a hint of how much to read at once
  }).map(([code, operation]) => [code.charCodeAt(0), operation]),
);

function callWithArguments(m: Unpickler): void {
  const args = m.pop();
  m.call(m.pop(), args);
}

function pushMemo(m: Unpickler, index: number | bigint): void {
  if (!m.memo.has(index)) m.fail(`it refers to value ${index}, which it has not kept`);
  m.push(m.memo.get(index));
}

function parseInteger(line: string, m: Unpickler): number | bigint {
  // As many digits as Python takes: reading many more would take very long.
  return /^[+-]?\d{1,4300}$/.test(line)
    ? narrowed(BigInt(line.replace("+", "")))
    : m.fail("it holds a broken integer");
}

function parseNumber(line: string, m: Unpickler): number {
  const special = { inf: Infinity, "-inf": -Infinity, nan: Number.NaN }[line];
  if (special !== undefined) return special;
  const value = Number(line);
  return line === "" || Number.isNaN(value) ? m.fail("it holds a broken number") : value;
}

/** Python's `repr` of a byte string. */
function unquote(line: string, m: Unpickler): Uint8Array {
  const quoted = /^(['"])(.*)\1$/s.exec(line)?.[2] ?? m.fail("it holds a string without quotes");
  const text = quoted.replace(
    /\\(?:x([0-9a-f]{2})|([\\'"nrt]))/gi,
    (_, hex: string | undefined, escaped: string) =>
      hex !== undefined ? String.fromCharCode(Number.parseInt(hex, 16)) : (escapes[escaped] ?? escaped),
  );
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** Python's encoding `raw-unicode-escape`. */
function unescapeUnicode(line: string): string {
  return line.replace(
    /\\u([\da-fA-F]{4})|\\U(00(?:10|0[\da-fA-F])[\da-fA-F]{4})/g,
    (_, short?: string, long?: string) => String.fromCodePoint(Number.parseInt(short ?? long!, 16)),
  );
}

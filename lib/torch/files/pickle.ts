import { checkOptions, type OptionKeys } from "../../options/index.js";
import { builtinGlobals } from "./pickle-builtins.js";
import { operations } from "./pickle-opcodes.js";
import { latin1, PickleReader } from "./pickle-reader.js";

/** A class or function of Python that a pickle may use. */
export interface PickleGlobal {
  /** Computes the result of calling it. Without it, the pickle may name it but not call it. */
  readonly call?: (...args: unknown[]) => unknown;
  /**
   * Gives an object that `call` made the state that was pickled with it. Without it, the state is ignored.
   */
  readonly setState?: (object: object, state: unknown) => void;
}

/** Stands for an object that was not made, because a pickle asks for what is not read. */
export class Skipped {
  /** @param reason the cause, such as `asks for argparse.Namespace, which is not allowed` */
  constructor(readonly reason: string) {}
}

/** The globals that a pickle may use, and how its values are read. */
export interface UnpickleOptions {
  /** The classes and functions that are allowed, beside `OrderedDict` and bytes. */
  readonly globals?: (module: string, name: string) => PickleGlobal | undefined;
  /** Gives the object that lies outside the pickle under this id. */
  readonly persistentLoad?: (id: unknown) => unknown;
  /**
   * Read Python 2's strings as bytes, except where they are keys. Default: as text, one character per byte.
   */
  readonly byteStrings?: boolean;
  /**
   * Leave a `Skipped` where the pickle asks for what is not allowed, and whatever that holds. Default: an
   * error.
   */
  readonly skipUnknown?: boolean;
  /** Named in errors, such as the path of the file. */
  readonly source?: string;
}

const optionKeys: OptionKeys<UnpickleOptions> = {
  globals: true,
  persistentLoad: true,
  byteStrings: true,
  skipUnknown: true,
  source: true,
};

/**
 * Reads a Python pickle, protocols 0 to 5, without running anything that it names. Dictionaries become maps,
 * lists and tuples arrays, bytes `Uint8Array` (views of `bytes` where possible), and integers beyond 2⁵³
 * bigints. Lists may contain themselves. Format: Python's `pickletools`.
 * @throws if the pickle is damaged, or naming the class or function that is not allowed
 */
export function unpickle(bytes: Uint8Array, options: UnpickleOptions = {}): unknown {
  checkOptions(options, optionKeys, "unpickle");
  return new Unpickler(bytes, options).run();
}

const maxOperations = 5_000_000; // bounds memory: the shortest operations make an object from one byte

/** The stack machine that a pickle is a program of. */
export class Unpickler {
  readonly reader: PickleReader;
  readonly memo = new Map<unknown, unknown>();
  private readonly outer: unknown[][] = [];
  private stack: unknown[] = [];
  private readonly allowed = new Set<unknown>();
  private readonly classOf = new WeakMap<object, PickleGlobal>();
  private readonly builtins = builtinGlobals(this);
  private copyable: number;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly options: UnpickleOptions,
  ) {
    this.reader = new PickleReader(bytes, this.fail);
    this.copyable = bytes.length;
  }

  run(): unknown {
    for (let count = 0; count < maxOperations; count++) {
      const at = this.reader.position;
      const code = this.reader.uint8();
      if (code === stop) return this.pop();
      const operation = operations.get(code);
      if (operation === undefined) this.fail(`byte ${at} holds the unknown operation 0x${code.toString(16)}`);
      else operation(this);
    }
    return this.fail(`it has more than ${maxOperations} operations`);
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  pop(): unknown {
    return this.stack.length > 0 ? this.stack.pop() : this.fail("it takes a value that was never given");
  }

  /** The value on top, which stays there. */
  top(): unknown {
    const value = this.pop();
    this.push(value);
    return value;
  }

  mark(): void {
    this.outer.push(this.stack);
    this.stack = [];
  }

  popMark(): unknown[] {
    const items = this.stack;
    this.stack = this.outer.pop() ?? this.fail("it takes a mark that was never set");
    return items;
  }

  discard(): void {
    if (this.stack.length > 0) this.stack.pop();
    else this.popMark();
  }

  setItems(items: readonly unknown[]): void {
    const map = this.top();
    if (map instanceof Skipped) return;
    if (!(map instanceof Map) || items.length % 2 !== 0) this.fail("it sets items of no dictionary");
    for (let i = 0; i < items.length; i += 2) map.set(this.key(items[i]), items[i + 1]);
  }

  append(items: readonly unknown[]): void {
    const list = this.top();
    if (list instanceof Skipped) return;
    if (!Array.isArray(list)) this.fail("it appends to no list");
    for (const item of items) list.push(item);
  }

  addItems(items: readonly unknown[]): void {
    const set = this.top();
    if (set instanceof Skipped) return;
    if (!(set instanceof Set)) this.fail("it adds items to no set");
    for (const item of items) set.add(item);
  }

  byteString(bytes: Uint8Array): Uint8Array | string {
    return this.options.byteStrings === true ? bytes : latin1(bytes);
  }

  /** @throws naming it, unless it is allowed or skipped */
  global(module: unknown, name: unknown): PickleGlobal | Skipped {
    const found =
      typeof module === "string" && typeof name === "string"
        ? (this.builtins.get(`${module}.${name}`) ?? this.options.globals?.(module, name))
        : this.fail("it names a class by something other than text");
    if (found !== undefined) {
      this.allowed.add(found);
      return found;
    }
    return this.skip(`asks for ${module}.${name}, which is not allowed`);
  }

  /** Leaves out what is not read. @throws with the reason, unless such things are skipped */
  skip(reason: string): Skipped {
    if (this.options.skipUnknown === true) return new Skipped(reason);
    throw notPlain(this.source, reason);
  }

  call(callee: unknown, args: unknown): void {
    if (callee instanceof Skipped) {
      this.push(callee);
      return;
    }
    if (!this.allowed.has(callee) || !Array.isArray(args)) this.fail("it calls what cannot be called");
    this.countCopy(args.length);
    const { call } = callee as PickleGlobal;
    if (call === undefined) this.fail("it calls what may only be named");
    const result = call(...args);
    if (isObject(result)) this.classOf.set(result, callee as PickleGlobal);
    this.push(result);
  }

  build(state: unknown): void {
    const object = this.top();
    if (object instanceof Skipped) return;
    const made = isObject(object) ? this.classOf.get(object) : undefined;
    if (made === undefined) this.fail("it gives a state to what is no object");
    made.setState?.(object as object, state);
  }

  persistent(id: unknown): void {
    const { persistentLoad } = this.options;
    if (persistentLoad === undefined) this.fail("it refers to data outside of it");
    this.push(persistentLoad(id));
  }

  /** A short pickle could copy one long value again and again. @throws if it copies more than it holds */
  countCopy(length: number): void {
    this.copyable -= length;
    if (this.copyable < 0) this.fail("it copies more data than it holds");
  }

  readonly fail: (what: string) => never = (what) => {
    throw new Error(`${this.source}: not a valid pickle: ${what}. Download or export it again.`);
  };

  private get source(): string {
    return this.options.source ?? `pickle of ${this.bytes.length} bytes`;
  }

  private key(key: unknown): unknown {
    if (!(key instanceof Uint8Array)) return key;
    this.countCopy(key.length);
    return latin1(key);
  }
}

const stop = ".".charCodeAt(0);

/** The error about a pickle that holds more than plain data. */
export function notPlain(source: string, reason: string): Error {
  const isCode = reason.startsWith("asks for ");
  const advice = isCode
    ? "expected only plain data. It could run code in other programs: use the file only if you trust its origin, and save it without such objects."
    : "expected plain tensors. Convert it with PyTorch, and save it again.";
  return new Error(`${source}: this pickle ${reason}: ${advice}`);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

import { closeSync, openSync, readSync, renameSync, rmSync, statSync } from "node:fs";
import { bridge } from "./bridge.js";
import { asStrided, fromFile, narrow } from "./operators.generated.js";
import { type PickleGlobal, unpickle } from "./pickle.js";
import { scope } from "./scope.js";
import { Tensor } from "./tensor.js";
import type { DType } from "./types.js";

// Format: a zip file, of which `data.pkl` says what there is and `data/<key>` are the storages. torch/serialization.py,
// torch/csrc/jit/docs/serialization.md.

/**
 * Reads the tensors of a file that `torch.save` or `torch.jit.save` wrote. Nothing in it is run: beside tensors, dictionaries, lists,
 * numbers, texts and the attributes of script modules, everything is refused by its name. The tensors are views of the memory-mapped
 * file: only what is used is read from disk, and writing to them does not change the file.
 * @returns tensors by the keys, indexes and attributes that lead to them, joined by dots: a state dict under its own keys
 * @throws if the file is missing or damaged, was written before PyTorch 1.6, or holds anything else
 */
export function load(path: string): Map<string, Tensor> {
  return scope(() => {
    const archive = new Archive(path);
    const tensors = new Map<string, Tensor>();
    for (const [path, tensor] of tensorsIn(archive.value(), archive.fail)) {
      const key = path.join(".");
      if (tensors.has(key)) archive.fail(`it has two tensors of the name '${key}'`);
      tensors.set(key, tensor);
    }
    return tensors;
  });
}

/**
 * Writes tensors of any device as `torch.save` writes a state dict, which `torch.load(path, weights_only=True)` reads. The file has a
 * temporary name that becomes `path` when everything is on disk.
 * @throws if a name is given twice or the file cannot be written; then nothing is left behind
 */
export function save(path: string, tensors: Iterable<readonly [string, Tensor]>): void {
  const list = Array.from(tensors);
  const names = new Set<string>();
  for (const [name] of list) {
    if (names.has(name)) {
      throw new RangeError(`archive: expected tensors of different names, got '${name}' twice. Rename one.`);
    }
    names.add(name);
  }
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    bridge().writeArchive(
      temporary,
      Array.from(names),
      list.map(([, tensor]) => tensor.handle),
    );
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

interface ArchiveRecord {
  readonly offset: number;
  readonly bytes: number;
}

/** A stretch of the file, seen as elements of one type. */
class Storage {
  constructor(readonly elements: Tensor) {}
}

interface StorageType extends PickleGlobal {
  readonly dtype: DType;
  readonly itemBytes: number;
}

const storageTypes: ReadonlyMap<string, StorageType> = new Map([
  ["FloatStorage", { dtype: "float32", itemBytes: 4 }],
  ["DoubleStorage", { dtype: "float64", itemBytes: 8 }],
  ["HalfStorage", { dtype: "float16", itemBytes: 2 }],
  ["BFloat16Storage", { dtype: "bfloat16", itemBytes: 2 }],
  ["LongStorage", { dtype: "int64", itemBytes: 8 }],
  ["IntStorage", { dtype: "int32", itemBytes: 4 }],
  ["ShortStorage", { dtype: "int16", itemBytes: 2 }],
  ["CharStorage", { dtype: "int8", itemBytes: 1 }],
  ["ByteStorage", { dtype: "uint8", itemBytes: 1 }],
  ["BoolStorage", { dtype: "bool", itemBytes: 1 }],
  ["ComplexFloatStorage", { dtype: "complex64", itemBytes: 8 }],
  ["ComplexDoubleStorage", { dtype: "complex128", itemBytes: 16 }],
]);

class Archive {
  private readonly records = new Map<string, ArchiveRecord>();
  private readonly typed = new Map<string, Tensor>();
  private readonly fileBytes: number;
  private bytes: Tensor | undefined;

  constructor(private readonly path: string) {
    this.fileBytes = statSync(path).size;
    this.checkFormat();
    for (const { name, offset, bytes } of this.list()) {
      if (offset + bytes > this.fileBytes) this.fail(`its record '${name}' reaches beyond its end`);
      this.records.set(name, { offset, bytes });
    }
    const order = this.records.has("byteorder") ? this.read("byteorder").toString() : "little";
    if (order !== "little") this.fail(`its byte order is '${order}', expected 'little'`);
  }

  value(): unknown {
    return unpickle(this.read("data.pkl"), {
      globals: (module, name) => this.global(module, name),
      persistentLoad: (id) => this.storage(id),
      source: this.path,
    });
  }

  readonly fail: (what: string) => never = (what) => {
    throw new Error(`${this.path}: not a valid PyTorch archive: ${what}. Download or export it again.`);
  };

  private checkFormat(): void {
    const start = readBytes(this.path, 0, Math.min(2, this.fileBytes));
    if (start.toString("latin1") === "PK") return;
    if (start[0] !== 0x80) this.fail("it is no zip file");
    throw new Error(
      `${this.path}: written by torch.save before PyTorch 1.6 or without zip: expected its zip format. ` +
        "Load and save it again with a newer PyTorch, or convert it to safetensors.",
    );
  }

  private list(): ReturnType<ReturnType<typeof bridge>["archiveRecords"]> {
    try {
      return bridge().archiveRecords(this.path);
    } catch (error) {
      const reason = (error as Error).message.replace(/^archiveRecords: /, "");
      return this.fail(reason.split("\n")[0]!);
    }
  }

  private read(name: string): Buffer {
    const { offset, bytes } = this.records.get(name) ?? this.fail(`it has no record '${name}'`);
    return readBytes(this.path, offset, bytes);
  }

  private global(module: string, name: string): PickleGlobal | undefined {
    switch (module) {
      case "torch":
        return storageTypes.get(name);
      case "torch._utils":
        if (name === "_rebuild_tensor_v2") return this.rebuildTensor;
        return name === "_rebuild_parameter" ? first : undefined;
      case "torch.jit._pickle": // lists of one type, and values with their type
        return /^(build_\w+list|restore_type_tag)$/.test(name) ? first : undefined;
      default:
        return /^__torch__(\.|$)/.test(module) ? scriptClass : undefined;
    }
  }

  private storage(id: unknown): Storage {
    const [kind, type, key, , length] = Array.isArray(id) ? (id as unknown[]) : [];
    const known = [...storageTypes.values()].find((candidate) => candidate === type);
    if (kind !== "storage" || known === undefined || !isSize(length))
      return this.fail("it refers to no storage");
    const name = `data/${key}`;
    const { offset, bytes } = this.records.get(name) ?? this.fail(`it has no record '${name}'`);
    const { dtype, itemBytes } = known;
    if (length * itemBytes > bytes)
      this.fail(`its record '${name}' has ${bytes} bytes, expected ${length} ${dtype}`);
    return new Storage(narrow(this.elements(name, offset, bytes, known), 0, 0, length));
  }

  private elements(name: string, offset: number, bytes: number, { dtype, itemBytes }: StorageType): Tensor {
    const key = `${name} as ${dtype}`;
    let elements = this.typed.get(key);
    if (elements === undefined) {
      this.bytes ??= fromFile(this.path, false, this.fileBytes, { dtype: "uint8" });
      const raw = narrow(this.bytes, 0, offset, bytes - (bytes % itemBytes));
      elements = (offset % itemBytes === 0 ? raw : raw.clone()).view(dtype); // a typed view needs it aligned
      this.typed.set(key, elements);
    }
    return elements;
  }

  private readonly rebuildTensor: PickleGlobal = {
    call: (storage, offset, size, stride) => {
      const isGood = storage instanceof Storage && isSize(offset) && isShape(size) && isShape(stride);
      if (!isGood || size.length !== stride.length) return this.fail("it describes a tensor wrongly");
      const { elements } = storage;
      const available = elements.numel();
      const isEmpty = size.includes(0);
      const end = size.reduce((last, n, dim) => last + (n - 1) * stride[dim]!, offset + 1);
      if (offset > available || (!isEmpty && end > available)) {
        const view = `[${size}] with strides [${stride}] from ${offset} on`;
        this.fail(`a tensor ${view} reaches beyond its storage of ${available} elements`);
      }
      return asStrided(narrow(elements, 0, offset, available - offset), size, stride);
    },
  };
}

/** Its first argument. */
const first: PickleGlobal = { call: (value) => value };

/** An object of a script module's class. */
class ScriptObject {
  attributes: unknown;
}

const scriptClass: PickleGlobal = {
  call: () => new ScriptObject(),
  setState: (object, attributes) => {
    (object as ScriptObject).attributes = attributes;
  },
};

const maxDepth = 100;
const maxValues = 1_000_000; // lists that are shared may lead to more paths than there is time

type Path = readonly unknown[];

function* tensorsIn(
  value: unknown,
  fail: (what: string) => never,
  path: Path = [],
  budget = { values: maxValues },
): Generator<[Path, Tensor]> {
  budget.values--;
  if (path.length > maxDepth || budget.values < 0) {
    fail(`it holds more than ${maxValues} values, or some nested more than ${maxDepth} deep`);
  }
  if (value instanceof Tensor) yield [path, value];
  const members = value instanceof ScriptObject ? value.attributes : value;
  if (members instanceof Map || Array.isArray(members)) {
    for (const [key, member] of members.entries()) yield* tensorsIn(member, fail, [...path, key], budget);
  }
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

const maxDims = 64;

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= maxDims && value.every(isSize);
}

function readBytes(path: string, offset: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  const file = openSync(path, "r");
  try {
    return buffer.subarray(0, readSync(file, buffer, 0, bytes, offset));
  } finally {
    closeSync(file);
  }
}

import { inflateRawSync } from "node:zlib";
import { checkRegularFile } from "../../files/index.js";
import { bridge } from "../bridge.js";
import { asStrided, fromFile, narrow } from "../operators.generated.js";
import type { Tensor } from "../tensor.js";
import { isSize } from "./is-size.js";
import { numpyGlobals } from "./numpy.js";
import { notPlain, type PickleGlobal, Skipped, unpickle } from "./pickle.js";
import { readBytes } from "./read-bytes.js";
import { DTypeName, dtypeNames, type ElementType, elementType, storageTypes } from "./storage-types.js";

// Format: a zip file, of which `data.pkl` says what there is and `data/<key>` are the storages.
// torch/serialization.py, torch/csrc/jit/docs/serialization.md.

interface ArchiveRecord {
  readonly offset: number;
  readonly bytes: number;
}

/** A stretch of the file. */
class Storage {
  /**
   * @param type kind of its elements; a tensor may say otherwise
   * @param view its bytes as elements of a type
   */
  constructor(
    readonly type: ElementType,
    readonly view: (type: ElementType) => Tensor,
  ) {}
}

/** A file that `torch.save` or `torch.jit.save` wrote. */
export class Archive {
  private readonly records = new Map<string, ArchiveRecord>();
  private readonly typed = new Map<string, Tensor>();
  private readonly fileBytes: number;
  private bytes: Tensor | undefined;

  constructor(
    private readonly path: string,
    private readonly skipsUnknown: boolean,
  ) {
    this.fileBytes = checkRegularFile(path);
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
      skipUnknown: this.skipsUnknown,
      source: this.path,
    });
  }

  code(): string {
    const names = [...this.records.keys()].filter((name) => /^code\/.*\.py$/.test(name));
    return names.map((name) => this.text(name)).join("\n");
  }

  /** A text, which torch.jit.save deflates. */
  private text(name: string): string {
    const { offset, bytes } = this.records.get(name)!;
    const stored = this.read(name);
    try {
      const end = Math.min(offset + bytes + 1024, this.fileBytes); // deflated, a short text may take more
      const deflated = readBytes(this.path, offset, end - offset);
      return inflateRawSync(deflated, { maxOutputLength: Math.max(bytes, 1) }).toString("utf8");
    } catch {
      return stored.toString("utf8");
    }
  }

  /** @throws with the reason, unless such things are skipped */
  skip(reason: string): Skipped {
    if (this.skipsUnknown) return new Skipped(reason);
    throw notPlain(this.path, reason);
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
        return storageTypes.get(name) ?? dtypeNames.get(name) ?? valueTypes.get(name);
      case "torch.storage":
        return name === "UntypedStorage" ? storageTypes.get(name) : undefined;
      case "torch._utils":
        return name === "_rebuild_tensor_v2" ? this.rebuildTensor : this.rebuilders.get(name);
      case "torch._tensor":
        return name === "_rebuild_from_type_v2" ? this.rebuildOfType : undefined;
      case "torch.nn.parameter":
        return name === "Parameter" ? first : undefined;
      case "torch.serialization":
        return name === "_get_layout" ? first : undefined;
      case "torch.jit._pickle": // lists of one type, and values with their type
        return /^(build_\w+list|restore_type_tag)$/.test(name) ? first : undefined;
      default:
        return /^__torch__(\.|$)/.test(module) ? scriptClass : numpyGlobals(module, name);
    }
  }

  private storage(id: unknown): Storage | Skipped {
    const [kind, type, key, , length] = Array.isArray(id) ? (id as unknown[]) : [];
    if (type instanceof Skipped) return type;
    const known = [...storageTypes.values()].find((candidate) => candidate === type);
    if (kind !== "storage" || known === undefined || !isSize(length))
      return this.fail("it refers to no storage");
    const name = `data/${key}`;
    const { offset, bytes } = this.records.get(name) ?? this.fail(`it has no record '${name}'`);
    const { dtype, itemBytes } = known;
    if (length * itemBytes > bytes)
      this.fail(`its record '${name}' has ${bytes} bytes, expected ${length} ${dtype}`);
    return new Storage(known, (type) => {
      const count = Math.floor((length * itemBytes) / type.itemBytes);
      return narrow(this.elements(name, offset, bytes, type), 0, 0, count);
    });
  }

  private elements(name: string, offset: number, bytes: number, { dtype, itemBytes }: ElementType): Tensor {
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
    call: (storage, offset, size, stride) => this.tensor(storage, offset, size, stride),
  };

  private readonly rebuilders: ReadonlyMap<string, PickleGlobal> = new Map<string, PickleGlobal>([
    ["_rebuild_tensor", this.rebuildTensor],
    [
      "_rebuild_tensor_v3", // with a type of its own on a storage without one
      {
        call: (storage, offset, size, stride, _requiresGrad, _hooks, dtype) => {
          const name = dtype instanceof DTypeName ? dtype.name : "";
          const type = elementType(name);
          if (type !== undefined) return this.tensor(storage, offset, size, stride, type);
          return this.skip(`holds a tensor of ${name || "an unknown type"}, which is not read`);
        },
      },
    ],
    ["_rebuild_parameter", first],
    ["_rebuild_parameter_with_state", first],
    ["_rebuild_device_tensor_from_cpu_tensor", first],
    ["_rebuild_device_tensor_from_numpy", first],
    ...Object.entries({
      _rebuild_sparse_tensor: "a sparse tensor",
      _rebuild_qtensor: "a quantised tensor",
      _rebuild_nested_tensor: "a nested tensor",
      _rebuild_meta_tensor_no_storage: "a tensor without data (of the device meta)",
      _rebuild_wrapper_subclass: "a tensor of a class of its own",
    }).map(([name, what]): [string, PickleGlobal] => [
      name,
      { call: () => this.skip(`holds ${what}, which is not read`) },
    ]),
  ]);

  /** A tensor with attributes, or of a subclass: what its own function rebuilds. */
  private readonly rebuildOfType: PickleGlobal = {
    call: (rebuild, type, args) => {
      if (rebuild instanceof Skipped) return rebuild;
      if (type instanceof Skipped) return type;
      const { call } = (rebuild ?? {}) as PickleGlobal;
      if (call === undefined || !Array.isArray(args)) return this.fail("it describes a tensor wrongly");
      return call(...args);
    },
  };

  private tensor(
    storage: unknown,
    offset: unknown,
    size: unknown,
    stride: unknown,
    type = storage instanceof Storage ? storage.type : undefined,
  ): Tensor | Skipped {
    if (storage instanceof Skipped) return storage;
    const isGood = storage instanceof Storage && isSize(offset) && isShape(size) && isShape(stride);
    if (!isGood || type === undefined || size.length !== stride.length) {
      return this.fail("it describes a tensor wrongly");
    }
    const elements = storage.view(type);
    const available = elements.numel();
    const isEmpty = size.includes(0);
    const end = size.reduce((last, n, dim) => last + (n - 1) * stride[dim]!, offset + 1);
    if (offset > available || (!isEmpty && end > available)) {
      const view = `[${size}] with strides [${stride}] from ${offset} on`;
      this.fail(`a tensor ${view} reaches beyond its storage of ${available} elements`);
    }
    const raw = asStrided(narrow(elements, 0, offset, available - offset), size, stride);
    if (type.convert === undefined) return raw;
    return (
      type.convert(raw) ?? this.skip("holds a uint64 tensor with numbers of 2^63 or more, which is not read")
    );
  }
}

/** Its first argument. */
const first: PickleGlobal = { call: (value) => value };

/** Devices as texts, shapes as lists; classes of tensors, which are only named. */
const valueTypes: ReadonlyMap<string, PickleGlobal> = new Map<string, PickleGlobal>([
  ["device", { call: (kind, index) => (index === undefined || index === null ? kind : `${kind}:${index}`) }],
  ["Size", { call: (sizes = []) => sizes }],
  ["Tensor", {}],
]);

/** An object of a script module's class. */
export class ScriptObject {
  attributes: unknown;
}

const scriptClass: PickleGlobal = {
  call: () => new ScriptObject(),
  setState: (object, attributes) => {
    (object as ScriptObject).attributes = attributes;
  },
};

const maxDims = 64;

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= maxDims && value.every(isSize);
}

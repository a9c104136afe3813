import { rmSync } from "node:fs";
import { explainFullDisk, renameDurably } from "../../files/index.js";
import { checkOptions, type OptionKeys } from "../../options/index.js";
import { bridge } from "../bridge.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { writeComment } from "./archive-comment.js";
import { Archive } from "./archive-reader.js";
import { tensorsIn } from "./archive-tensors.js";
import { Skipped } from "./pickle.js";

export { comment } from "./archive-comment.js";
export { notPlain } from "./pickle.js";

/** How to read an archive. */
export interface LoadOptions {
  /**
   * Called with every part that is left out because it is no tensor or plain data. Its arguments are the keys
   * that lead to it, and what it asks for, such as `asks for argparse.Namespace, which is not allowed`.
   * Default: such a part is an error.
   */
  readonly onSkip?: (name: string, reason: string) => void;
}

const loadOptionKeys: OptionKeys<LoadOptions> = { onSkip: true };

/**
 * Reads the tensors of a file that `torch.save` or `torch.jit.save` wrote. Nothing in it is run: what
 * `torch.load(weights_only=True)` takes is read, NumPy's arrays and numbers, and the attributes of script
 * modules. Everything else is refused by its name, or skipped. The tensors are views of the memory-mapped
 * file: only what is used is read from disk, and writing to them does not change the file. Unsigned integers
 * of more than 8 bits come as wider signed ones, 8-bit floats as float32.
 * @returns tensors by the keys, indexes and attributes that lead to them, joined by dots: a state dict under
 * its own keys
 * @throws if the file is missing or damaged, was written before PyTorch 1.6, or holds anything else
 */
export function load(path: string, options: LoadOptions = {}): Map<string, Tensor> {
  checkOptions(options, loadOptionKeys, "archive.load");
  const { onSkip } = options;
  return scope(() => {
    const archive = new Archive(path, onSkip !== undefined);
    const tensors = new Map<string, Tensor>();
    for (const [path, found] of tensorsIn(archive.value(), archive)) {
      const key = path.join(".");
      if (found instanceof Skipped) onSkip?.(key, found.reason);
      else {
        if (tensors.has(key)) archive.fail(`it has two tensors of the name '${key}'`);
        tensors.set(key, found);
      }
    }
    return tensors;
  });
}

/** Source code of a script module, in TorchScript; empty for a file that `torch.save` wrote. */
export function scriptCode(path: string): string {
  return new Archive(path, true).code();
}

/** How to write an archive. */
export interface SaveOptions {
  /** Text at the end of the zip file, which `comment` reads and PyTorch passes over. Default: none. */
  readonly comment?: string;
}

/**
 * Writes tensors of any device as `torch.save` writes a state dict, which `torch.load(path,
 * weights_only=True)` reads. The file has a temporary name that becomes `path` when everything is on disk.
 * @throws if a name is given twice or the file cannot be written; then nothing is left behind
 */
export function save(
  path: string,
  tensors: Iterable<readonly [string, Tensor]>,
  options: SaveOptions = {},
): void {
  checkOptions(options, { comment: true }, "archive.save");
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
    if (options.comment !== undefined) writeComment(temporary, options.comment);
    renameDurably(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    const bytes = list.reduce((sum, [, tensor]) => sum + tensor.numel() * 8, 0); // of at most 8 each
    throw explainFullDisk(error, path, { neededBytes: bytes });
  }
}

import { type FileHandle, open } from "node:fs/promises";
import { posix } from "node:path";
import { Header, Pax } from "tar";
import { contentKind } from "../../files/index.js";

/** A file in an archive. */
export interface TarMember {
  readonly path: string;
  /** Offset of its first byte in the archive. */
  readonly offset: number;
  /** In bytes. */
  readonly size: number;
}

const blockSize = 512;
/** Holds a few headers and small files, so that most of them are read with their neighbours. */
const windowSize = 2 ** 14;
/** Extended headers hold paths and times: a longer one is damaged. */
const longestExtension = 2 ** 20;

/** An uncompressed tar archive. Only its headers are read, and the files that are asked for. */
export class TarFile {
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  private constructor(
    readonly file: string,
    readonly handle: FileHandle,
    /** In bytes. */
    readonly size: number,
  ) {}

  /** @throws if the file is missing or compressed */
  static async open(file: string): Promise<TarFile> {
    const handle = await open(file);
    try {
      const archive = new TarFile(file, handle, (await handle.stat()).size);
      checkBeginning(file, await archive.read(0, Math.min(windowSize, archive.size)));
      return archive;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  /**
   * The plain files in order, and links to earlier ones as these files by another name; folders and other
   * links are passed over.
   * @param onPassedOver told of what is neither file nor folder
   * @throws if the archive is truncated or damaged, naming the offset, or holds links or paths that lead out
   * of it
   */
  async *members(
    onPassedOver: (kind: string) => void = () => {},
  ): AsyncGenerator<TarMember, void, undefined> {
    const seen = new Map<string, TarMember>();
    let everyFile: Pax | undefined;
    let nextFile: Pax | undefined;
    let position = 0;
    while (true) {
      const start = position;
      const header = await this.#header(start, nextFile, everyFile);
      if (header.nullBlock) return;
      const { type, size = 0, path = "" } = header;
      const offset = start + blockSize;
      if (offset + size > this.size) throw this.#truncated(start, `${path} with ${size} bytes`);
      position = offset + Math.ceil(size / blockSize) * blockSize;

      if (type === "ExtendedHeader" || type === "OldExtendedHeader") {
        nextFile = Pax.parse(await this.#extension(start, size), nextFile);
      } else if (type === "GlobalExtendedHeader") {
        everyFile = Pax.parse(await this.#extension(start, size), everyFile, true);
      } else if (type === "NextFileHasLongPath") {
        const [longPath] = (await this.#extension(start, size)).split("\0");
        nextFile = new Pax({ ...nextFile, path: longPath });
      } else if (type !== "NextFileHasLongLinkpath") {
        const member = { path: this.#safePath(start, nextFile?.path ?? path), offset, size };
        const target = nextFile?.linkpath ?? header.linkpath ?? "";
        nextFile = undefined;
        if (plainFiles.has(type)) {
          seen.set(member.path, member);
          yield member;
        } else if (type === "Link" || type === "SymbolicLink") {
          const linked = seen.get(this.#linked(start, member.path, target, type));
          if (linked === undefined) onPassedOver("links to nothing");
          else yield { ...linked, path: member.path };
        } else if (type !== "Directory") {
          onPassedOver(`${type} entries`);
        }
      }
    }
  }

  /** Bytes of the archive, valid until the next read. @throws if it ends before */
  async read(offset: number, size: number): Promise<Buffer> {
    const start = offset - this.#windowStart;
    if (start >= 0 && start + size <= this.#window.length) return this.#window.subarray(start, start + size);
    const buffer = Buffer.allocUnsafe(Math.max(size, windowSize));
    const { bytesRead } = await this.handle.read(buffer, 0, buffer.length, offset);
    if (bytesRead < size) throw this.#truncated(offset, `${size} bytes`);
    [this.#window, this.#windowStart] = [buffer.subarray(0, bytesRead), offset];
    return this.#window.subarray(0, size);
  }

  async #header(offset: number, nextFile: Pax | undefined, everyFile: Pax | undefined): Promise<Header> {
    if (offset + blockSize > this.size) throw this.#truncated(offset, "a header or the end mark");
    const block = await this.read(offset, blockSize);
    let header: Header | undefined;
    try {
      header = new Header(block, 0, nextFile, everyFile);
    } catch {
      // a number that does not fit: as damaged as a wrong checksum
    }
    if (header?.nullBlock || (header?.cksumValid && header.size !== undefined)) return header;
    throw this.#wrong(offset, "a tar header", "other bytes");
  }

  async #extension(start: number, size: number): Promise<string> {
    if (size > longestExtension)
      throw this.#wrong(start, `a header of at most ${longestExtension} bytes`, `${size}`);
    return (await this.read(start + blockSize, size)).toString("utf8");
  }

  #safePath(start: number, path: string): string {
    if (!path.startsWith("/") && !path.split("/").includes("..")) return path.replace(/^(?:\.\/+)+/, "");
    throw this.#wrong(start, "paths within the archive", path);
  }

  /** The target of a link: a hard one starts at the top of the archive, a symbolic one at its own folder. */
  #linked(start: number, path: string, target: string, type: string): string {
    const place = posix.normalize(type === "Link" ? target : posix.join(posix.dirname(path), target));
    if (!target.startsWith("/") && !place.startsWith("..")) return place;
    throw this.#wrong(start, "plain files and folders", `${path} (${type}) to ${target}`);
  }

  #truncated(offset: number, expected: string): Error {
    return new Error(
      `${this.file}: truncated: expected ${expected} at byte ${offset}, got the end of the file at ${this.size}. Copy or download it again.`,
    );
  }

  #wrong(offset: number, expected: string, got: string): Error {
    return new Error(
      `${this.file}, byte ${offset}: expected ${expected}, got ${got}. Write the archive again.`,
    );
  }
}

const plainFiles: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile"]);

const compressions = { gzip: "1f8b", zstd: "28b52ffd", xz: "fd377a585a00", bzip2: "425a68" };

/** @throws if the file is compressed, or is no archive at all */
function checkBeginning(file: string, beginning: Buffer): void {
  const digits = beginning.toString("hex", 0, 8);
  for (const [name, magic] of Object.entries(compressions)) {
    if (!digits.startsWith(magic)) continue;
    throw new Error(
      `${file}: expected an uncompressed tar archive, got ${name}. Decompress it: only then can each image be read from its place.`,
    );
  }
  const isText = beginning.length > 0 && beginning.length < blockSize;
  const kind = isText ? contentKind(beginning) : undefined;
  if (kind !== undefined)
    throw new Error(
      `${file}: expected a tar archive, got one that is ${kind.name}. To go on, ${kind.advice}.`,
    );
}

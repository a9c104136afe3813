import { type FileHandle, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { z } from "zod";

const originSchema = z.object({
  url: z.string(),
  validator: z.string().optional(),
  size: z.int().nonnegative().optional(),
});

/** The origin of a part's bytes. */
export interface Origin {
  readonly url: string;
  /** Strong ETag or date of the version they belong to; without one the download cannot go on later. */
  readonly validator?: string;
  /** Bytes of the whole file. */
  readonly size?: number;
}

/**
 * The beginning of a file, kept as `<path>.part` until the rest is there, with its origin in
 * `<path>.part.json`.
 */
export class PartialFile {
  private constructor(
    readonly path: string,
    private readonly target: string,
    private readonly file: FileHandle,
    private writtenBytes: number,
    private knownOrigin: Origin | undefined,
  ) {}

  /** Opens the part of a file, which may be empty. What came from another address is dropped. */
  static async open(target: string, url: string): Promise<PartialFile> {
    const path = `${target}.part`;
    const origin = await readOrigin(originPath(path));
    const file = await open(path, "a");
    const { size } = await file.stat();
    const part = new PartialFile(path, target, file, size, origin);
    const isUsable = origin?.url === url && origin.validator !== undefined && size <= (origin.size ?? size);
    if (!isUsable) await part.clear();
    return part;
  }

  get length(): number {
    return this.writtenBytes;
  }

  /** Absent while the part is empty and nothing is known. */
  get origin(): Origin | undefined {
    return this.knownOrigin;
  }

  get isComplete(): boolean {
    return this.knownOrigin?.size !== undefined && this.knownOrigin.size === this.writtenBytes;
  }

  /** Begins anew with bytes of another origin. */
  async restart(origin: Origin): Promise<void> {
    await this.clear();
    await writeFile(originPath(this.path), JSON.stringify(origin));
    this.knownOrigin = origin;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.file.appendFile(bytes);
    this.writtenBytes += bytes.length;
  }

  /**
   * Waits until the bytes are on the disk, so that a power failure cannot leave a renamed file without them.
   */
  async close(): Promise<void> {
    try {
      await this.file.sync();
    } finally {
      await this.file.close();
    }
  }

  /** Gives the closed part the name of the whole file. */
  async finish(): Promise<void> {
    await rename(this.path, this.target);
    await rm(originPath(this.path), { force: true });
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
    await rm(originPath(this.path), { force: true });
  }

  private async clear(): Promise<void> {
    await this.file.truncate(0);
    this.writtenBytes = 0;
    this.knownOrigin = undefined;
  }
}

function originPath(path: string): string {
  return `${path}.json`;
}

async function readOrigin(path: string): Promise<Origin | undefined> {
  try {
    return originSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined; // missing or cut off: the part begins anew
  }
}

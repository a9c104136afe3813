import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { explainFullDisk, packageRoot } from "../../files/index.js";

/** A file as it will be written. */
export interface FileParts {
  /** Its parts, one after the other. They are given away. */
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
  /** Position for the SHA-256 of the whole file, in hexadecimal digits. */
  readonly checksumAt: number;
}

/** A request to the thread; `WriteReply` is its answer. */
export interface WriteRequest extends FileParts {
  readonly path: string;
}
export type WriteReply = { readonly error?: { readonly code?: string; readonly message: string } };

/**
 * A thread that writes files, one after another: each under a temporary name that becomes its own when all of
 * it is on the disk. The thread that computes goes on meanwhile.
 */
export class BackgroundFiles {
  #worker: Worker | undefined;
  #last: Promise<void> = Promise.resolve();

  /**
   * Writes a file after those that were asked for before.
   * @returns when it is on the disk
   * @throws if it cannot be written, telling a full disk with the size needed
   */
  write(path: string, file: FileParts): Promise<void> {
    const written = this.#last.then(() => this.#ask({ path, ...file }));
    this.#last = written.catch(() => {});
    return written;
  }

  /** When nothing is left to write. */
  get idle(): Promise<void> {
    return this.#last;
  }

  /** Ends the thread when it has written what it was asked to. */
  async close(): Promise<void> {
    await this.#last;
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #ask(request: WriteRequest): Promise<void> {
    // The compiled one also where TypeScript itself runs, as in tests.
    this.#worker ??= new Worker(join(packageRoot, "dist", "torch", "files", "background-thread.js"), {
      execArgv: [],
    });
    const worker = this.#worker;
    const bytes = request.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => {
        this.#worker = undefined;
        reject(
          cause instanceof Error ? cause : new Error(`${request.path}: the thread that writes it ended.`),
        );
      };
      worker.ref();
      worker.once("error", fail).once("exit", fail);
      worker.once("message", ({ error }: WriteReply) => {
        worker.off("error", fail).off("exit", fail);
        worker.unref(); // it does not keep a process that has nothing else to do
        if (error === undefined) resolve();
        else
          reject(
            explainFullDisk(Object.assign(new Error(error.message), error), request.path, {
              neededBytes: bytes,
            }),
          );
      });
      worker.postMessage(
        request,
        request.chunks.map(({ buffer }) => buffer),
      );
    });
  }
}

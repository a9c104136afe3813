import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { packageRoot } from "../files/index.js";
import type { LiveState } from "../report/index.js";
import type { PageReply, PageRequest } from "./watch-thread.js";

/** Makes pages of a run on a thread of their own: training does not wait for them. */
export class WatchPages {
  readonly #worker = new Worker(join(packageRoot, "dist", "cli", "watch-thread.js"), { execArgv: [] });
  readonly #waiting = new Map<number, PromiseWithResolvers<string>>();
  #requests = 0;

  constructor(readonly directory: string) {
    this.#worker.unref();
    this.#worker.on("message", (reply: PageReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ("text" in reply) waiting?.resolve(reply.text);
      else waiting?.reject(new Error(reply.error));
    });
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("The thread that makes this page has ended.")));
  }

  /** @throws if the files cannot be read just now */
  page(live: LiveState, eventsPath: string): Promise<string> {
    return this.#ask({ live, eventsPath });
  }

  /** The message that tells an open page of changes. @throws if the files cannot be read just now */
  event(live: LiveState): Promise<string> {
    return this.#ask({ live });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(request: Pick<PageRequest, "live" | "eventsPath">): Promise<string> {
    const id = this.#requests++;
    const reply = withResolvers<string>();
    this.#waiting.set(id, reply);
    this.#worker.postMessage({ id, directory: this.directory, ...request } satisfies PageRequest);
    return reply.promise;
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** `Promise.withResolvers`, which Node has from version 22. */
function withResolvers<T>(): PromiseWithResolvers<T> {
  let [resolve, reject]: [(value: T) => void, (reason: unknown) => void] = [() => {}, () => {}];
  const promise = new Promise<T>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}

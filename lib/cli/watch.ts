import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isRun } from "../records/index.js";
import type { LiveState } from "../report/index.js";
import { WatchPages } from "./watch-pages.js";

const host = "127.0.0.1";
const minIntervalMs = 500;
const graceMs = 1000;
/** How long a reader may leave what was sent to it unread. */
const patienceMs = 10_000;
const mostConnections = 100;
const eventsPath = "/events";

export interface WatchOptions {
  /** 0 for any that is free. */
  port: number;
  /** Message of the page when the run ends before it is finished. */
  whenStopped: string;
  /** After how many milliseconds a reader that reads nothing is dropped. Default: 10,000. */
  patienceMs?: number;
}

/**
 * Serves the report page of a run that is going on, to this machine only. Disposing of it ends all
 * connections.
 *
 * Pages are made on a thread of their own. A reader has at most one event before it that it has not read.
 * While it has, later ones, each of which says everything, are left out; one that reads nothing is dropped.
 */
export class RunWatch implements AsyncDisposable {
  readonly #directory: string;
  readonly #pages: WatchPages;
  readonly #options: WatchOptions;
  readonly #server: Server;
  readonly #readers = new Map<ServerResponse, { behindSince?: number }>();
  #last: Promise<void> = Promise.resolve();
  #live: LiveState = { state: "running", message: "" };
  #port = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(directory: string, options: WatchOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#pages = new WatchPages(directory);
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.maxConnections = mostConnections;
  }

  /** @throws if the port cannot be had */
  static async listen(directory: string, options: WatchOptions): Promise<RunWatch> {
    const watch = new RunWatch(directory, options);
    try {
      await new Promise<void>((listening, failed) => {
        watch.#server.once("error", (error: NodeJS.ErrnoException) => failed(explain(error, options.port)));
        watch.#server.listen(options.port, host, listening);
      });
    } catch (error) {
      await watch.#pages.close();
      throw error;
    }
    watch.#port = (watch.#server.address() as AddressInfo).port;
    return watch;
  }

  get url(): string {
    return `http://${host}:${this.#port}/`;
  }

  /** How many pages follow the run now. */
  get readers(): number {
    return this.#readers.size;
  }

  /** The files of the run have changed: readers get them soon, but not more often than they can look. */
  changed(): void {
    if (this.#readers.size === 0 || this.#live.state !== "running") return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#send();
    }, minIntervalMs);
  }

  /** Tells readers that there is nothing more to come. */
  finish(message: string): void {
    this.#end({ state: "finished", message });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#live.state === "running") {
      this.#end({ state: "stopped", message: this.#options.whenStopped });
    }
    await this.#last;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    const late = setTimeout(() => this.#server.closeAllConnections(), graceMs); // a reader that no longer reads
    await closed;
    clearTimeout(late);
    await this.#pages.close();
  }

  #end(live: LiveState): void {
    clearTimeout(this.#timer);
    this.#live = live;
    this.#last = this.#sendLast();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setHeader("Connection", "close");
    // A name that a foreign site resolves to this machine must not open the page to that site.
    if (![`${host}:${this.#port}`, `localhost:${this.#port}`].includes(request.headers.host ?? "")) {
      refuse(response, 403, `Expected ${this.url} as the address of this page.`);
    } else if (request.method !== "GET") {
      refuse(response.setHeader("Allow", "GET"), 405, "This page can only be read.");
    } else if (request.url === eventsPath) {
      this.#subscribe(response);
    } else if (request.url !== "/") {
      refuse(response, 404, `There is only one page here: ${this.url}`);
    } else if (!isRun(this.#directory)) {
      refuse(
        response.setHeader("Refresh", "1"),
        503,
        "The run is being prepared. This page opens by itself.",
      );
    } else {
      void this.#open(response);
    }
  }

  async #open(response: ServerResponse): Promise<void> {
    response.setTimeout(this.#patienceMs, () => response.destroy());
    try {
      const page = await this.#pages.page(this.#live, eventsPath);
      response.setHeader("Content-Type", "text/html; charset=utf-8").end(page);
    } catch (error) {
      refuse(response, 500, (error as Error).message);
    }
  }

  #subscribe(response: ServerResponse): void {
    response.setHeader("Content-Type", "text/event-stream").flushHeaders();
    this.#readers.set(response, {});
    response.on("close", () => this.#readers.delete(response));
    if (this.#live.state === "running")
      this.changed(); // something may have happened since the page was made
    else void this.#sendLast();
  }

  get #patienceMs(): number {
    return this.#options.patienceMs ?? patienceMs;
  }

  /** A file that cannot be read just now must not end the run: readers keep what they have. */
  async #send(): Promise<void> {
    const event = await this.#pages.event(this.#live).catch(() => undefined);
    if (event === undefined) return;
    for (const [response, reader] of this.#readers) {
      if (response.writableEnded) continue;
      if (response.writableLength === 0) {
        delete reader.behindSince;
        if (!response.write(event)) response.once("drain", () => this.changed()); // what was left out
      } else {
        reader.behindSince ??= performance.now();
        if (performance.now() - reader.behindSince > this.#patienceMs) response.destroy();
      }
    }
  }

  async #sendLast(): Promise<void> {
    const event = await this.#pages.event(this.#live).catch(() => "");
    for (const response of this.#readers.keys()) response.end(event);
  }
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(`${message}\n`);
}

function explain(error: NodeJS.ErrnoException, port: number): Error {
  return new Error(
    `--watch cannot listen on ${host}:${port} (${error.code}): expected a free port that this user may open. ` +
      "Name another with --watch-port, or leave it out for any that is free.",
  );
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isRun } from "../records/index.js";
import { type LiveState, pageData, type Run, readRun, renderPage } from "../report/index.js";

const host = "127.0.0.1";
const minIntervalMs = 500;
const graceMs = 1000;
const eventsPath = "/events";

export interface WatchOptions {
  /** 0 for any that is free. */
  port: number;
  /** What the page says when the run ends before it is finished. */
  whenStopped: string;
}

/**
 * Serves the report page of a run that is going on, to this machine only. Disposing of it ends all
 * connections.
 */
export class RunWatch implements AsyncDisposable {
  readonly #directory: string;
  readonly #options: WatchOptions;
  readonly #server: Server;
  readonly #readers = new Set<ServerResponse>();
  #live: LiveState = { state: "running", message: "" };
  #port = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(directory: string, options: WatchOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  /** @throws if the port cannot be had */
  static async listen(directory: string, options: WatchOptions): Promise<RunWatch> {
    const watch = new RunWatch(directory, options);
    await new Promise<void>((listening, failed) => {
      watch.#server.once("error", (error: NodeJS.ErrnoException) => failed(explain(error, options.port)));
      watch.#server.listen(options.port, host, listening);
    });
    watch.#port = (watch.#server.address() as AddressInfo).port;
    return watch;
  }

  get url(): string {
    return `http://${host}:${this.#port}/`;
  }

  /** The files of the run have changed: readers get them soon, but not more often than they can look. */
  changed(): void {
    if (this.#readers.size === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#send();
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
    const closed = new Promise((resolve) => this.#server.close(resolve));
    const late = setTimeout(() => this.#server.closeAllConnections(), graceMs); // a reader that no longer reads
    await closed;
    clearTimeout(late);
  }

  #end(live: LiveState): void {
    clearTimeout(this.#timer);
    this.#live = live;
    this.#sendLast();
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
      this.#open(response);
    }
  }

  #open(response: ServerResponse): void {
    try {
      const page = renderPage(this.#data(), { eventsPath });
      response.setHeader("Content-Type", "text/html; charset=utf-8").end(page);
    } catch (error) {
      refuse(response, 500, (error as Error).message);
    }
  }

  #subscribe(response: ServerResponse): void {
    response.setHeader("Content-Type", "text/event-stream").flushHeaders();
    this.#readers.add(response);
    response.on("close", () => this.#readers.delete(response));
    if (this.#live.state === "running")
      this.changed(); // something may have happened since the page was made
    else this.#sendLast();
  }

  /** A file that cannot be read just now must not end the run: readers keep what they have. */
  #send(): void {
    try {
      const event = `data: ${JSON.stringify(this.#data())}\n\n`;
      for (const reader of this.#readers) reader.write(event);
    } catch {}
  }

  #sendLast(): void {
    this.#send();
    for (const reader of this.#readers) reader.end();
  }

  #data() {
    const run = readRun(this.#directory);
    const live =
      this.#live.state === "running" ? { ...this.#live, message: describeProgress(run) } : this.#live;
    return { ...pageData([run]), live };
  }
}

function describeProgress({ accuracy: { datasets, matrix }, steps }: Run): string {
  const done = matrix.length;
  const dataset = datasets[done];
  if (dataset === undefined) return "Running: all datasets are learned.";
  const step = steps.findLast(({ task }) => task === done);
  const progress = step ? `step ${step.step}, loss ${step.loss?.toFixed(3) ?? "not finite"}` : "not begun";
  return `Running: dataset ${done + 1} of ${datasets.length}, ${dataset}, ${progress}. This page follows by itself.`;
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

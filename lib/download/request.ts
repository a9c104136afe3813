import { TransientError } from "./errors.js";
import { Patience } from "./patience.js";

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** How long the server may be silent before the attempt is given up. Default: 60,000. */
  readonly stallTimeoutMs?: number;
}

/** An answer whose body is read under the same patience. */
interface Answer {
  readonly response: Response;
  readonly patience: Patience;
}

/** An answer to the request for a file from some byte on. */
export interface RestOfFile {
  /** Offset of its first byte: as asked for, or 0 if the server sends the whole file. */
  readonly offset: number;
  /** Bytes of the whole file, where the server tells. */
  readonly size?: number;
  /** A mark of this version of the file, fit for `If-Range`. */
  readonly validator?: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * Requests a file from a byte on, or all of it when it is no longer the version of `validator`.
 * @throws TransientError if the connection or the server fails in a way that may pass; Error if asking again
 * is no use
 */
export async function requestRest(
  url: string,
  { offset, validator, ...options }: RequestOptions & { offset: number; validator?: string },
): Promise<RestOfFile> {
  const wantsPart = offset > 0 && validator !== undefined;
  const range = wantsPart ? { range: `bytes=${offset}-`, "if-range": validator } : undefined;
  const answer = await ask(url, {
    ...options,
    // Compressed on the way, neither ranges nor sizes would be those of the file.
    headers: { ...options.headers, "accept-encoding": "identity", ...range },
    accepts: [200, 206, 416],
  });
  const { response } = answer;
  const found = validatorOf(response);
  if (response.status === 200) {
    const size = isEncoded(response) ? undefined : numberOf(response.headers.get("content-length"));
    return { offset: 0, size, validator: found, chunks: chunksOf(answer) };
  }
  const part = contentRange(response);
  if (wantsPart && part?.start === offset && (found === undefined || found === validator)) {
    return { offset, size: part.size, validator, chunks: chunksOf(answer) };
  }
  await drop(answer);
  if (!wantsPart) {
    throw new Error(
      `${url}: expected the whole file, got HTTP ${response.status}. The server is at fault; try another address.`,
    );
  }
  return requestRest(url, { offset: 0, ...options });
}

/**
 * The text of a small file, such as a list.
 * @throws TransientError if the failure may pass; Error if asking again is no use, or the text is longer than
 *   `maxBytes`
 */
export async function requestText(
  url: string,
  options: RequestOptions & { maxBytes: number },
): Promise<{ text: string; response: Response }> {
  const answer = await ask(url, { ...options, accepts: [200] });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(answer)) {
    bytes += chunk.length;
    if (bytes > options.maxBytes) {
      throw new Error(
        `${url}: expected at most ${options.maxBytes} bytes, but the server sends more. Check the address.`,
      );
    }
    chunks.push(chunk);
  }
  return { text: Buffer.concat(chunks).toString("utf8"), response: answer.response };
}

/**
 * A GET request whose answer has one of the accepted states.
 * @throws TransientError if the connection or the server fails in a way that may pass; Error if asking again
 * is no use
 */
async function ask(
  url: string,
  { headers, signal, stallTimeoutMs, accepts }: RequestOptions & { accepts: readonly number[] },
): Promise<Answer> {
  signal?.throwIfAborted();
  const patience = new Patience(url, stallTimeoutMs);
  let response: Response;
  try {
    response = await fetch(url, { headers, signal: patience.with(signal) });
    patience.heard();
  } catch (error) {
    patience.stop();
    signal?.throwIfAborted();
    throw patience.failure ?? connectionError(url, error);
  }
  if (accepts.includes(response.status)) return { response, patience };
  await drop({ response, patience });
  throw statusError(url, response);
}

async function drop({ response, patience }: Answer): Promise<void> {
  patience.stop();
  await response.body?.cancel();
}

const transientStates: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

function statusError(url: string, { status, statusText, headers }: Response): Error {
  const what = `${url}: expected the file, got HTTP ${`${status} ${statusText}`.trim()}.`;
  if (transientStates.has(status)) {
    const seconds = numberOf(headers.get("retry-after"));
    return new TransientError(`${what} Try again later.`, seconds && 1000 * seconds);
  }
  const needsPermission = status === 401 || status === 403;
  return new Error(
    `${what} ${needsPermission ? "Check the address, or give a token that may read it." : "Check the address."}`,
  );
}

const transientCodes =
  /^(ECONN(RESET|REFUSED|ABORTED)|ETIMEDOUT|EPIPE|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_\w+)$/;

function connectionError(url: string, error: unknown): Error {
  const { code, message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
  const reason = code ?? message;
  if (code !== undefined && transientCodes.test(code)) {
    return new TransientError(
      `${url}: expected an answer, but the connection failed (${reason}). Check the network and try again.`,
      undefined,
      { cause: error },
    );
  }
  return new Error(`${url}: expected an answer, but there is none (${reason}). Check the address.`, {
    cause: error,
  });
}

async function* chunksOf({ response, patience }: Answer): AsyncGenerator<Uint8Array> {
  const { url } = patience;
  try {
    for await (const chunk of response.body ?? []) {
      patience.stop(); // the time that the reader takes is not the server's
      yield chunk;
      patience.heard();
    }
  } catch (error) {
    if (patience.failure !== undefined) throw patience.failure;
    if ((error as Error).name === "AbortError") throw error;
    const { code } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    throw new TransientError(
      `${url}: the connection broke${code ? ` (${code})` : ""} before the file was complete. Check the network and try again.`,
      undefined,
      { cause: error },
    );
  } finally {
    patience.stop();
  }
}

function validatorOf({ headers }: Response): string | undefined {
  const etag = headers.get("etag");
  if (etag?.startsWith('"')) return etag; // weak ones promise no equal bytes
  return headers.get("last-modified") ?? undefined;
}

function contentRange(response: Response): { start: number; size?: number } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  if (response.status !== 206 || match === null) return undefined;
  return { start: Number(match[1]), size: numberOf(match[2]) };
}

function isEncoded({ headers }: Response): boolean {
  return (headers.get("content-encoding") ?? "identity") !== "identity";
}

function numberOf(text: string | null | undefined): number | undefined {
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}

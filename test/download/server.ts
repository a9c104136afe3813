import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export interface TestServer {
  readonly url: string;
  /** All requests so far, the oldest first. */
  readonly requests: IncomingMessage[];
}

/** A server on this machine that lives as long as the test. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<TestServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => answer(request, response, requests.push(request)));
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

export interface FileAnswer {
  readonly etag?: string;
  /** Whether ranges are honoured. Default: true. */
  readonly ranges?: boolean;
  /**
   * The connection breaks after these bytes, once the client's file has them: what it has not read until then
   * would be lost.
   */
  readonly drop?: { readonly after: number; readonly file: string };
  /** Bytes after which nothing more comes. */
  readonly hangAfter?: number;
}

/** Answers with a file as a server of static files does. */
export function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
  { etag = etagOf(content), ranges = true, drop, hangAfter }: FileAnswer = {},
): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const isSame = [undefined, etag].includes(request.headers["if-range"] as string | undefined);
  const start = ranges && isSame ? from : 0;
  const body = content.subarray(start);
  response.setHeader("etag", etag);
  response.setHeader("content-length", body.length);
  if (start > 0)
    response.setHeader("content-range", `bytes ${start}-${content.length - 1}/${content.length}`);
  response.writeHead(start > 0 ? 206 : 200);
  const sent = body.subarray(0, drop?.after ?? hangAfter);
  response.write(sent, () => {
    if (drop !== undefined) breakOff(response, drop.file, start + drop.after);
    else if (hangAfter === undefined) response.end();
  });
}

function breakOff(response: ServerResponse, file: string, length: number): void {
  const timer = setInterval(() => {
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < length) return;
    clearInterval(timer);
    response.destroy();
  }, 5);
  response.on("close", () => clearInterval(timer));
}

export function etagOf(content: Buffer): string {
  return `"${createHash("md5").update(content).digest("hex")}"`;
}

export function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Bytes that differ from place to place and from seed to seed. */
export function someBytes(length: number, seed = 0): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, block) =>
    createHash("sha256").update(`${seed} ${block}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "codyra-download-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { sendFile, serve, sha256, type TestServer } from "./server.js";

export interface TestHub extends TestServer {
  /** Paths of the files that were asked for, in order. */
  downloads(): string[];
}

export interface HubOptions {
  readonly repository: string;
  readonly revision?: string;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly token?: string;
  /** Entries per page of the file list. Default: 3. */
  readonly pageSize?: number;
  /** Answers a file in another way than a hub; returns whether it did. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse, path: string) => boolean;
}

/**
 * A server with the addresses of a Hugging Face hub and one model. Safetensors and `.bin` files are kept in
 * its large file storage.
 */
export async function serveHub(options: HubOptions): Promise<TestHub> {
  const { repository, revision = "main", files, token, pageSize = 3 } = options;
  const tree = `/api/models/${repository}/tree/${encodeURIComponent(revision)}`;
  const resolve = `/${repository}/resolve/${encodeURIComponent(revision)}/`;
  const server = await serve((request, response) => {
    const url = new URL(request.url as string, server.url);
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      return response.writeHead(401).end();
    }
    if (url.pathname === tree) {
      const start = Number(url.searchParams.get("cursor") ?? 0);
      const entries = [...files].map(([path, content]) => entry(path, content));
      if (start + pageSize < entries.length) {
        response.setHeader("link", `<${server.url}${tree}?cursor=${start + pageSize}>; rel="next"`);
      }
      return response.end(JSON.stringify(entries.slice(start, start + pageSize)));
    }
    const path = decodeURIComponent(url.pathname.slice(resolve.length));
    const content = url.pathname.startsWith(resolve) ? files.get(path) : undefined;
    if (content === undefined) return response.writeHead(404).end();
    if (!options.answer?.(request, response, path)) sendFile(request, response, content);
  });
  return {
    ...server,
    downloads: () =>
      server.requests.flatMap(({ url }) => (url?.startsWith(resolve) ? [url.slice(resolve.length)] : [])),
  };
}

function entry(path: string, content: Buffer) {
  const oid = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
  const isLarge = /\.(safetensors|bin)$/.test(path);
  return {
    type: "file",
    path,
    size: content.length,
    oid: isLarge ? "0".repeat(40) : oid,
    ...(isLarge ? { lfs: { oid: sha256(content), size: content.length, pointerSize: 134 } } : {}),
  };
}

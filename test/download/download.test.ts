import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { download } from "../../lib/download/index.js";
import { freePort } from "../../lib/torch/distributed/launch.js";
import { sendFile, serve, sha256, someBytes, temporaryFolder } from "./server.js";

const content = someBytes(300_000);
const fast = { retryDelayMs: 1 };

describe("download", () => {
  it("writes the file and nothing else, checks it and reports progress", async () => {
    const { url } = await serve((request, response) => sendFile(request, response, content));
    const folder = temporaryFolder();
    const seen: [number, number | undefined][] = [];
    await download(url, join(folder, "new", "file"), {
      size: content.length,
      sha256: sha256(content),
      md5: createHash("md5").update(content).digest("hex"),
      gitSha1: createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex"),
      onProgress: (done, total) => seen.push([done, total]),
    });
    expect(readFileSync(join(folder, "new", "file")).equals(content)).toBe(true);
    expect(readdirSync(join(folder, "new"))).toEqual(["file"]);
    expect(seen[0]).toEqual([0, content.length]);
    expect(seen.at(-1)).toEqual([content.length, content.length]);
  });

  it("asks for nothing when the file is there and fits, and replaces one that does not", async () => {
    const { url, requests } = await serve((request, response) => sendFile(request, response, content));
    const path = join(temporaryFolder(), "file");
    writeFileSync(path, content);
    await download(url, path, { sha256: sha256(content) });
    expect(requests).toHaveLength(0);
    writeFileSync(path, "something else");
    await download(url, path, { sha256: sha256(content) });
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it("goes on where the connection broke", async () => {
    const path = join(temporaryFolder(), "file");
    const { url, requests } = await serve((request, response, count) =>
      sendFile(request, response, content, {
        drop: count < 3 ? { after: 100_000, file: `${path}.part` } : undefined,
      }),
    );
    await download(url, path, { ...fast, sha256: sha256(content) });
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(requests.map(({ headers }) => headers.range)).toEqual([
      undefined,
      "bytes=100000-",
      "bytes=200000-",
    ]);
  });

  it("gives up an attempt when the server falls silent, says so, and goes on where it was", async () => {
    const { url, requests } = await serve((request, response, count) => {
      if (count === 2) return; // no answer at all
      sendFile(request, response, content, { hangAfter: count === 1 ? 120_000 : undefined });
    });
    const path = join(temporaryFolder(), "file");
    const said: string[] = [];
    const options = { ...fast, stallTimeoutMs: 300, onRetry: (error: Error) => said.push(error.message) };
    await download(url, path, { ...options, sha256: sha256(content) });
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(requests.map(({ headers }) => headers.range)).toEqual([
      undefined,
      "bytes=120000-",
      "bytes=120000-",
    ]);
    const silent = `${url}: expected more bytes, but nothing came for 0.3 s. Check the network and try again.`;
    expect(said).toEqual([silent, silent]);
  });

  it("ends a file that goes on and on", async () => {
    const { url } = await serve((_, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write(Buffer.alloc(1 << 16), () => setImmediate(more));
      };
      more();
    });
    const folder = temporaryFolder();
    await expect(download(url, join(folder, "file"), { maxBytes: 1e6 })).rejects.toThrow(
      `${url}: expected at most 1000000 bytes, but the server sends more. Check that the address is right.`,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it("goes on in a later call, when the first was aborted", async () => {
    const { url, requests } = await serve((request, response, count) =>
      sendFile(request, response, content, { hangAfter: count === 1 ? 120_000 : undefined }),
    );
    const path = join(temporaryFolder(), "file");
    const controller = new AbortController();
    const stopped = download(url, path, {
      signal: controller.signal,
      onProgress: (done) => done === 120_000 && controller.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(`${path}.part`).equals(content.subarray(0, 120_000))).toBe(true);
    await download(url, path, { sha256: sha256(content) });
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(requests[1]?.headers.range).toBe("bytes=120000-");
  });

  it("begins anew when the server knows no ranges", async () => {
    const path = join(temporaryFolder(), "file");
    const { url, requests } = await serve((request, response, count) =>
      sendFile(request, response, content, {
        ranges: false,
        drop: count === 1 ? { after: 100_000, file: `${path}.part` } : undefined,
      }),
    );
    await download(url, path, fast);
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(requests).toHaveLength(2);
  });

  it.each([
    ["that honours If-Range", undefined],
    ["that sends the range of the new file all the same", "always"],
  ])("begins anew when the file has changed, on a server %s", async (_, always) => {
    const changed = someBytes(content.length, 1);
    const path = join(temporaryFolder(), "file");
    const { url } = await serve((request, response, count) => {
      if (count === 1)
        return sendFile(request, response, content, { drop: { after: 100_000, file: `${path}.part` } });
      if (always) delete request.headers["if-range"];
      return sendFile(request, response, changed);
    });
    await download(url, path, fast);
    expect(readFileSync(path).equals(changed)).toBe(true);
  });

  it("begins anew when the address is another one or the part is longer than the file", async () => {
    const { url, requests } = await serve((request, response) => sendFile(request, response, content));
    const path = join(temporaryFolder(), "file");
    const origin = { url: `${url}/other`, validator: '"1"', size: content.length };
    writeFileSync(`${path}.part`, "bytes of another file");
    writeFileSync(`${path}.part.json`, JSON.stringify(origin));
    await download(url, path);
    expect(requests[0]?.headers.range).toBeUndefined();
    expect(readFileSync(path).equals(content)).toBe(true);

    const other = join(temporaryFolder(), "file");
    writeFileSync(`${other}.part`, "too long");
    writeFileSync(`${other}.part.json`, JSON.stringify({ ...origin, url, size: 3 }));
    await download(url, other);
    expect(readFileSync(other).equals(content)).toBe(true);
  });

  it("removes what fails its checksum", async () => {
    const { url } = await serve((request, response) => sendFile(request, response, content));
    const folder = temporaryFolder();
    const expected = sha256(someBytes(10));
    await expect(download(url, join(folder, "file"), { sha256: expected })).rejects.toThrow(
      `${url}: expected SHA-256 ${expected}, got ${sha256(content)}.`,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it("stops at once when the size is another one", async () => {
    const { url } = await serve((request, response) => sendFile(request, response, content));
    const folder = temporaryFolder();
    await expect(download(url, join(folder, "file"), { size: 10 })).rejects.toThrow(
      `expected 10 bytes, but the server sends ${content.length}.`,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it("stops when an answer of unknown length does not end", async () => {
    const { url } = await serve((_, response) => {
      response.on("error", () => {});
      const more = () => response.write(content, () => setImmediate(more));
      more();
    });
    const folder = temporaryFolder();
    await expect(download(url, join(folder, "file"), { size: 1000 })).rejects.toThrow(
      "expected 1000 bytes, but the server sends more.",
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it("takes an answer of unknown length", async () => {
    const { url } = await serve((_, response) => response.end(content.subarray(0, 1000)));
    const path = join(temporaryFolder(), "file");
    await download(url, path, { size: 1000 });
    expect(readFileSync(path).equals(content.subarray(0, 1000))).toBe(true);
  });

  it.each([
    [404, /HTTP 404 Not Found\. Check the address\.$/],
    [403, /HTTP 403 Forbidden\. Check the address, or give a token that may read it\.$/],
  ])("gives up at once on %d", async (status, message) => {
    const { url, requests } = await serve((_, response) => response.writeHead(status).end());
    await expect(download(url, join(temporaryFolder(), "file"), fast)).rejects.toThrow(message);
    expect(requests).toHaveLength(1);
  });

  it("tries again after 503 and waits as long as the server asks", async () => {
    const { url } = await serve((request, response, count) => {
      if (count > 1) return sendFile(request, response, content);
      return response.writeHead(503, { "retry-after": "1" }).end();
    });
    const path = join(temporaryFolder(), "file");
    const began = performance.now();
    await download(url, path, fast);
    expect(performance.now() - began).toBeGreaterThan(990);
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it("gives up when the retries are used up, and keeps what it has", async () => {
    const path = join(temporaryFolder(), "file");
    const { url, requests } = await serve((request, response, count) => {
      if (count === 1)
        return sendFile(request, response, content, { drop: { after: 1000, file: `${path}.part` } });
      return response.writeHead(500).end();
    });
    await expect(download(url, path, { ...fast, retries: 3 })).rejects.toThrow(/HTTP 500/);
    expect(requests).toHaveLength(4);
    expect(readFileSync(`${path}.part`)).toHaveLength(1000);
  });

  it("does not pass the token on to another host", async () => {
    const other = await serve((request, response) => sendFile(request, response, content));
    const { url } = await serve((_, response) => {
      response.writeHead(302, { location: other.url.replace("127.0.0.1", "localhost") }).end();
    });
    await download(url, join(temporaryFolder(), "file"), { headers: { authorization: "Bearer secret" } });
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
  });

  it.each(["ftp://127.0.0.1/file", "no address"])("refuses %s", async (url) => {
    await expect(download(url, join(temporaryFolder(), "file"), fast)).rejects.toThrow(
      /Check the address\.$/,
    );
  });

  it("says that nobody answers", async () => {
    const url = `http://127.0.0.1:${await freePort()}/file`;
    await expect(download(url, join(temporaryFolder(), "file"), { ...fast, retries: 1 })).rejects.toThrow(
      /the connection failed \(.+\)\. Check the network and try again\./,
    );
  });
});

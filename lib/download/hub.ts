import { z } from "zod";
import type { Expected } from "./checksum.js";
import { type RequestOptions, requestText } from "./request.js";
import { type RetryOptions, withRetries } from "./retry.js";

/** A model's place on a Hugging Face hub, or on a server with the same addresses. */
export interface HubModel {
  /** `owner/name`. */
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Address of the hub, without a slash at the end. */
  readonly endpoint: string;
  readonly token?: string;
}

export interface HubFile {
  /** Path in the repository. */
  readonly path: string;
  readonly url: string;
  readonly expected: Expected & { readonly size: number };
}

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));

const treeSchema = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    size: z.int().nonnegative().default(0),
    oid: hex(40),
    lfs: z.object({ oid: hex(64), size: z.int().nonnegative() }).optional(),
  }),
);

/** A list of files comes in pages, of a thousand files each on the hub. */
const mostPages = 100;
const mostListBytes = 16 * 2 ** 20;

export interface ListOptions extends RetryOptions, Pick<RequestOptions, "stallTimeoutMs"> {}

/**
 * Lists the files of a model with their sizes and checksums.
 * @throws if the hub has no such model or revision, keeps it private, or answers in another form or
 * without end
 */
export async function listFiles(model: HubModel, options: ListOptions): Promise<HubFile[]> {
  const { repository, endpoint, revision } = model;
  const get = async (url: string) => {
    try {
      const { signal, stallTimeoutMs } = options;
      const wanted = { headers: hubHeaders(model), signal, stallTimeoutMs, maxBytes: mostListBytes };
      return await withRetries(() => requestText(url, wanted), options);
    } catch (error) {
      if ((error as Error).name === "AbortError") throw error;
      throw new Error(
        `${repository}, revision ${revision}: ${(error as Error).message} A private or gated model needs a token in HF_TOKEN.`,
        { cause: error },
      );
    }
  };
  const files: HubFile[] = [];
  let page: string | undefined =
    `${endpoint}/api/models/${repository}/tree/${encodeURIComponent(revision)}?recursive=true`;
  for (let pages = 0; page !== undefined; pages++) {
    if (pages === mostPages) {
      throw new Error(
        `${repository}: expected a list of at most ${mostPages} pages, but the hub goes on after ${files.length} files. Check the endpoint ${endpoint}.`,
      );
    }
    const { text, response } = await get(page);
    const tree = treeSchema.safeParse(parsed(text));
    if (!tree.success) {
      throw new Error(
        `${page}: expected the file list of a Hugging Face hub, got something else. Check the endpoint ${endpoint}.`,
      );
    }
    for (const { type, path, oid, size, lfs } of tree.data) {
      if (type !== "file") continue;
      const url = `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${encodePath(path)}`;
      const expected = lfs ? { size: lfs.size, sha256: lfs.oid } : { size, gitSha1: oid };
      files.push({ path, url, expected });
    }
    page = nextPage(response, endpoint);
  }
  return files;
}

export function hubHeaders({ token }: HubModel): Record<string, string> {
  return token ? { authorization: `Bearer ${token}` } : {};
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

function nextPage(response: Response, endpoint: string): string | undefined {
  const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
  if (next === undefined) return undefined;
  const url = new URL(next, response.url);
  if (url.origin === new URL(endpoint).origin) return url.href;
  throw new Error(
    `${response.url}: expected the next page on ${endpoint}, got ${url.origin}, which must not see the token. Check the endpoint.`,
  );
}

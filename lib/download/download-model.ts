import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type LockOptions, withLock } from "../files/index.js";
import { verifyFile } from "./checksum.js";
import { download } from "./download.js";
import { IntegrityError } from "./errors.js";
import { type HubFile, type HubModel, hubHeaders, listFiles } from "./hub.js";
import { arePickled, chooseModelFiles, decidingFile, isTransformersConfig } from "./model-files.js";
import { type RequestOptions, requestText } from "./request.js";
import { type RetryOptions, withRetries } from "./retry.js";

export interface DownloadModelOptions
  extends RetryOptions,
    LockOptions,
    Pick<RequestOptions, "stallTimeoutMs"> {
  /** The model's folder. Other files in it are left alone. */
  readonly directory: string;
  /** Branch, tag or commit. Default: `main`. */
  readonly revision?: string;
  /** Address of the hub. Default: the environment's `HF_ENDPOINT`, or https://huggingface.co. */
  readonly endpoint?: string;
  /** Default: the environment's `HF_TOKEN`. */
  readonly token?: string;
  /** Bytes of all files together. */
  readonly onProgress?: (done: number, total: number, file: string) => void;
}

export interface DownloadedModel {
  readonly directory: string;
  readonly files: readonly { readonly path: string; readonly size: number }[];
  /** Whether the weights are pickled, which needs the reader's consent. */
  readonly pickled: boolean;
}

/**
 * Downloads a CLIP model from the Hugging Face hub: configuration, tokenizer, preprocessing and weights, as
 * safetensors where there are any. Each file is checked against the hub's checksum. The model appears in its
 * directory when all are there. Until then they wait in `<directory>.part`, where the next call goes on.
 * @param repository `owner/name`
 * @throws if the hub has no such model, or a download fails
 */
export async function downloadModel(
  repository: string,
  options: DownloadModelOptions,
): Promise<DownloadedModel> {
  const model = hubModel(repository, options);
  const directory = resolve(options.directory);
  const all = await listFiles(model, options);
  const files = chooseModelFiles(all, repository, await isOpenClipAlone(all, model, options));
  await mkdir(dirname(directory), { recursive: true });
  await withLock(
    directory,
    async () => {
      if (!(await areThere(files, directory, options.signal)))
        await fetchFiles(model, files, directory, options);
    },
    options,
  );
  return {
    directory,
    files: files.map(({ path, expected }) => ({ path, size: expected.size })),
    pickled: arePickled(files.map(({ path }) => path)),
  };
}

const mostConfigBytes = 2 ** 20;

/** Reads `config.json` where names alone do not tell which weights are the CLIP. */
async function isOpenClipAlone(
  files: readonly HubFile[],
  model: HubModel,
  options: DownloadModelOptions,
): Promise<boolean> {
  const deciding = decidingFile(files);
  if (deciding === undefined) return false;
  const { signal, stallTimeoutMs } = options;
  const wanted = { headers: hubHeaders(model), signal, stallTimeoutMs, maxBytes: mostConfigBytes };
  const { text } = await withRetries(() => requestText(deciding.url, wanted), options);
  return !isTransformersConfig(text);
}

function hubModel(
  repository: string,
  { revision = "main", endpoint, token }: DownloadModelOptions,
): HubModel {
  if (!isRepository(repository)) {
    throw new Error(
      `'${repository}': expected a model as owner/name. Look it up on the hub, such as openai/clip-vit-base-patch16.`,
    );
  }
  const address = endpoint ?? process.env.HF_ENDPOINT ?? "https://huggingface.co";
  if (!/^https?:\/\//.test(address) || !URL.canParse(address)) {
    throw new Error(
      `'${address}': expected the address of a hub with http or https. Check the endpoint or HF_ENDPOINT.`,
    );
  }
  return {
    repository,
    revision,
    endpoint: address.replace(/\/+$/, ""),
    token: token ?? process.env.HF_TOKEN,
  };
}

/** Whether a name has the form `owner/name` of a repository on the hub. */
export function isRepository(name: string): boolean {
  return /^\w[\w.-]*\/\w[\w.-]*$/.test(name);
}

async function areThere(
  files: readonly HubFile[],
  directory: string,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    // From the small to the large: most differences are seen without reading the weights.
    for (const { path, expected } of files.toReversed()) {
      const file = join(directory, path);
      if (!existsSync(file)) return false;
      await verifyFile(file, expected, { signal });
    }
    return true;
  } catch (error) {
    if (error instanceof IntegrityError) return false;
    throw error;
  }
}

async function fetchFiles(
  model: HubModel,
  files: readonly HubFile[],
  directory: string,
  options: DownloadModelOptions,
): Promise<void> {
  const { signal, retries, retryDelayMs, stallTimeoutMs, onRetry, onWait, onProgress } = options;
  const staging = `${directory}.part`;
  const total = files.reduce((sum, { expected }) => sum + expected.size, 0);
  let before = 0;
  for (const { path, url, expected } of files) {
    await download(url, join(staging, path), {
      ...expected,
      signal,
      retries,
      retryDelayMs,
      stallTimeoutMs,
      onRetry,
      onWait,
      headers: hubHeaders(model),
      onProgress: (done) => onProgress?.(before + done, total, path),
    });
    before += expected.size;
    onProgress?.(before, total, path);
  }
  await moveInto(
    staging,
    files.map(({ path }) => path),
    directory,
  );
}

/**
 * Moves files in order, so that a reader who finds the last one finds all; a directory that is not there yet
 * appears at once.
 */
async function moveInto(staging: string, names: readonly string[], directory: string): Promise<void> {
  for (const name of await readdir(staging)) {
    if (!names.includes(name)) await rm(join(staging, name), { recursive: true });
  }
  if (!existsSync(directory)) return rename(staging, directory);
  for (const name of names) await rename(join(staging, name), join(directory, name));
  await rm(staging, { recursive: true });
}

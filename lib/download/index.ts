export { type Expected, verifyFile } from "./checksum.js";
export { type DownloadOptions, download } from "./download.js";
export {
  type DownloadedModel,
  type DownloadModelOptions,
  downloadModel,
  isRepository,
} from "./download-model.js";
export { IntegrityError } from "./errors.js";
export { type ExtractOptions, extractArchive } from "./extract.js";
export { megabytes } from "./megabytes.js";
export { type UnpackOptions, unpack } from "./unpack.js";

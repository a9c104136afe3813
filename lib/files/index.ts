export { writeFileAtomically, writeJsonAtomically } from "./atomic-file.js";
export { type ContentKind, contentKind } from "./content-kind.js";
export { renameDurably, syncFile, syncFolder } from "./durable-file.js";
export {
  explainFullDisk,
  explainingFullDisk,
  formatBytes,
  isDiskFull,
  lackOfSpace,
  type WantedSpace,
} from "./full-disk.js";
export { jsonText } from "./json-text.js";
export { type LockOptions, withLock } from "./lock.js";
export type { LockOwner } from "./lock-owner.js";
export { packageRoot } from "./package-root.js";
export { processExists } from "./process-exists.js";
export { firstBytes, type Recognised, recognise } from "./recognise.js";
export { checkRegularFile } from "./regular-file.js";
export { writeDirectory } from "./write-directory.js";

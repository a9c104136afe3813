const codes = /\b(?:ENOSPC|EDQUOT|EFBIG)\b/;
const words = /No space left on device|Disk quota exceeded|File too large/; // of errors that come from C++

/** Whether the disk, the user's share or the largest file of its kind is full. */
export function isDiskFull(error: unknown): boolean {
  const { code = "", message = "" } = error as NodeJS.ErrnoException;
  return codes.test(code) || codes.test(message) || words.test(message);
}

export interface WantedSpace {
  /** Size of what is being written. Default: unknown. */
  readonly neededBytes?: number;
  /** Advice. Default: that of a file whose earlier content is still there. */
  readonly advice?: string;
}

const usualAdvice =
  "The earlier content is unchanged. Free some, or choose a folder on another disk; then run the same command again.";

/** Too little space, in words already. */
class LackOfSpace extends Error {
  override readonly name = "Error";
}

/** Runs what writes a file or folder, and says in words when the disk is full. */
export function explainingFullDisk<T>(path: string, write: () => T, wanted?: WantedSpace): T {
  try {
    return write();
  } catch (error) {
    throw explainFullDisk(error, path, wanted);
  }
}

/**
 * Says in words when the disk is full; any other error is returned as it is.
 * @param path the file or folder that was being written
 */
export function explainFullDisk(error: unknown, path: string, wanted: WantedSpace = {}): unknown {
  if (error instanceof LackOfSpace || !isDiskFull(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  const found = `the disk is full${code === undefined ? "" : ` (${code})`}`;
  return lackOfSpace(path, found, wanted, { cause: error });
}

/** The one wording of too little space. @param found the space that there is instead */
export function lackOfSpace(
  path: string,
  found: string,
  { neededBytes, advice = usualAdvice }: WantedSpace,
  options?: ErrorOptions,
): Error {
  const needed = neededBytes === undefined ? "space" : `${formatBytes(neededBytes)} of space`;
  return new LackOfSpace(`${path}: expected ${needed} to write to, but ${found}. ${advice}`, options);
}

export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}

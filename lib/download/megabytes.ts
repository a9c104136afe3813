/** Bytes in the unit of progress bars, rounded up so that the end is reached at the end only. */
export function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1e6);
}

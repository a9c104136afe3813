/** Whether a value of a file is a number of elements or bytes. */
export function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

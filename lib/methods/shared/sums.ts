export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Number of elements of a shape. */
export function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

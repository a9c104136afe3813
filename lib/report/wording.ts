/** Below this, a fraction prints as 0.0 percent. */
const ROUNDS_TO_ZERO = 0.0005;

export function isZero(fraction: number): boolean {
  return Math.abs(fraction) < ROUNDS_TO_ZERO;
}

export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

export function points(fraction: number): string {
  return plural((100 * fraction).toFixed(1), "point");
}

export function plural(n: number | string, noun: string): string {
  return `${n} ${noun}${Number(n) === 1 ? "" : "s"}`;
}

export function sentences(...parts: (string | false | undefined)[]): string {
  return parts.filter(Boolean).join(" ");
}

export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

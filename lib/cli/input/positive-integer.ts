import { InvalidArgumentError } from "commander";

/** Parses an option's value. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("Expected a whole number above 0.");
}

import { InvalidArgumentError } from "commander";
import { type Given, withAssignment } from "../../options/index.js";

/** Takes `-o key=value` up: the value as YAML reads it, such as `8`, `q,v`, `[0.8, 1]`, `null` or `"8"`. */
export function collectOption(text: string, before: Given): Given {
  try {
    return withAssignment(before, text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

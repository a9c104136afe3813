import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The file of a name beside a model.
 * @param model its directory or file   @returns `undefined` where there is none
 */
export function findBeside(model: string, name: string): string | undefined {
  if (!existsSync(model)) return undefined;
  const path = join(statSync(model).isDirectory() ? model : dirname(model), name);
  return existsSync(path) ? path : undefined;
}

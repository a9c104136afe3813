import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The folder that holds codyra's package.json. This module is two folders below it as a source, compiled, and
 * in the bundle of the command line.
 */
export const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

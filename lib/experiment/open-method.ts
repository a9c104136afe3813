import { ZodError } from "zod";
import { type ContinualMethod, createMethod, type ProtocolName } from "../methods/index.js";
import { UsageError } from "../options/index.js";
import { checkParallel } from "../protocol/index.js";
import { misplacedSetting } from "./config.js";

/**
 * A method by name. Make it before data is read, so that a mistake is told at once.
 * @throws UsageError or ZodError if there is none of that name, its options do not fit, or several processes
 * cannot train it
 */
export function openMethod(
  name: string,
  options: Readonly<Record<string, unknown>>,
  protocol: ProtocolName,
): ContinualMethod {
  const method = attempt(() => createMethod(name, options, protocol, misplacedSetting));
  checkParallel(method);
  return method;
}

function attempt<T>(create: () => T): T {
  try {
    return create();
  } catch (error) {
    throw error instanceof ZodError ? error : new UsageError((error as Error).message, { cause: error });
  }
}

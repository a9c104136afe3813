import { ZodError } from "zod";
import { type ContinualMethod, createMethod, type ProtocolName } from "../methods/index.js";
import { UsageError } from "../options/index.js";
import { misplacedSetting } from "./config.js";

/**
 * A method by name. Make it before data is read, so that a mistake is told at once.
 * @throws UsageError or ZodError if there is none of that name, or its options do not fit
 */
export function openMethod(
  name: string,
  options: Readonly<Record<string, unknown>>,
  protocol: ProtocolName,
): ContinualMethod {
  try {
    return createMethod(name, options, protocol, misplacedSetting);
  } catch (error) {
    throw error instanceof ZodError ? error : new UsageError((error as Error).message, { cause: error });
  }
}

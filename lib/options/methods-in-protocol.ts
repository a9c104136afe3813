import type { z } from "zod";
import type { protocolSchema } from "./protocol.js";
import { type Given, mergeOptions } from "./value.js";

/** A benchmark's options by method, and what a protocol has of its own. */
export interface MethodSettings {
  readonly methods: Readonly<Record<string, Given>>;
  readonly protocols?: {
    readonly [protocol in z.infer<typeof protocolSchema>]?: Readonly<Record<string, Given>>;
  };
}

/** The options by method in a protocol: what it has of its own goes over those of all protocols. */
export function methodsInProtocol(
  { methods, protocols = {} }: MethodSettings,
  protocol: z.infer<typeof protocolSchema>,
): Record<string, Given> {
  const own = Object.entries(protocols[protocol] ?? {}).map(
    ([method, options]) => [method, mergeOptions(methods[method] ?? {}, options)] as const,
  );
  return { ...methods, ...Object.fromEntries(own) };
}

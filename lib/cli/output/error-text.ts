import { ZodError, z } from "zod";

/** The message of an error for people, with each value that does not fit. */
export function errorText(error: unknown): string {
  return error instanceof ZodError
    ? `Wrong configuration.\n${z.prettifyError(error)}`
    : (error as Error).message;
}

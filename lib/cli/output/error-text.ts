import { ZodError, z } from "zod";

/** Refusals of the system that whoever runs the command can do something about. */
const refusals: Readonly<Record<string, string>> = {
  EACCES: "this user may not",
  EPERM: "this user may not",
  EROFS: "its file system is read-only",
};

/** The message of an error for people, with each value that does not fit. */
export function errorText(error: unknown): string {
  if (error instanceof ZodError) return `Wrong configuration.\n${z.prettifyError(error)}`;
  const { code = "", path, syscall = "use", message } = error as NodeJS.ErrnoException;
  const refusal = refusals[code];
  if (refusal === undefined || path === undefined) return message;
  return `${path}: expected to ${syscall} it, but ${refusal} (${code}). Choose another place, or change its permissions.`;
}

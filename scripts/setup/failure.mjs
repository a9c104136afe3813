/** A set-up step that cannot go on: what happened, what was expected, and what the user can do. */
export class SetupError extends Error {
  name = "SetupError";

  /** @param {{ what: string, expected: string, fix: string, details?: string[] }} problem */
  constructor({ what, expected, fix, details = [] }) {
    super(`${what} Expected ${expected}. ${fix}`);
    Object.assign(this, { what, expected, fix, details });
  }
}

export function fullDisk(path) {
  return new SetupError({
    what: `The disk that holds ${path} is full.`,
    expected: "about 2 GB of free space for the CPU build of libtorch, 8 GB for the CUDA build",
    fix: "Free some space, or set XDG_CACHE_HOME to a directory on a larger disk.",
  });
}

/** Turns whatever a step threw into a problem that can be shown to a user. */
export function toSetupError(error) {
  if (error instanceof SetupError) return error;
  if (error.code === "ENOSPC") return fullDisk(error.path ?? process.cwd());
  if (["EACCES", "EPERM", "EROFS"].includes(error.code)) {
    return new SetupError({
      what: `${error.path} cannot be written (${error.code}).`,
      expected: "a checkout and a cache directory that belong to you",
      fix: "Change the owner of that directory, or set XDG_CACHE_HOME to a directory of your own.",
    });
  }
  return new SetupError({
    what: `The set-up failed in a way it does not know: ${error.message}`,
    expected: "every step either to work or to say what is missing",
    fix: "Please report this together with the output of `npx codyra doctor --json`.",
  });
}

/** The problem as the lines that a terminal shows. */
export function formatProblem({ what, expected, fix, details = [] }) {
  return [
    what,
    ...details.map((line) => `    ${line}`),
    `  Expected  ${expected}`,
    `  To fix    ${fix}`,
  ].join("\n");
}

declare module "vitest" {
  interface TaskMeta {
    needs?: { reason: string; remedy: string };
  }
}

/**
 * Options of tests that are left out where something is missing. `npm test` counts them by reason at its end.
 * @param reason what is missing, such as "no Chromium"
 * @param remedy what brings it
 */
export function needs(isThere: boolean, reason: string, remedy: string) {
  return { skip: !isThere, meta: { needs: { reason, remedy } } };
}

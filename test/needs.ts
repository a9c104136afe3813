declare module "vitest" {
  interface TaskMeta {
    needs?: { reason: string; remedy: string };
  }
}

/**
 * Options of tests that are left out where something is missing. `npm test` counts them by reason at its end.
 * @param reason the lack, such as "no Chromium"
 * @param remedy the way to get it
 */
export function needs(isThere: boolean, reason: string, remedy: string) {
  return { skip: !isThere, meta: { needs: { reason, remedy } } };
}

import { bridge, isLoaded } from "./bridge.js";

/**
 * Has this process end without libtorch's destructors once it has nothing more to do, a tenth of a second
 * sooner. For programs of which nothing is left to clean up: those of other libraries do not run either.
 */
export function endQuickly(): void {
  process.once("exit", () => {
    if (isLoaded()) bridge().endWithoutDestructors();
  });
}

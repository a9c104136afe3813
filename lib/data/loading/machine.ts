/**
 * Processes of one machine that load the same images together, through one image cache. All of them make the
 * same calls in the same order.
 */
export interface Machine {
  /** Number of this process among those of the machine, and how many there are. */
  readonly rank: number;
  readonly size: number;
  /** Sends a value of the machine's first process to all of them. JSON must be able to hold it. */
  fromFirst<T>(value: T | undefined): T | undefined;
  /** Waits until all processes have come to this point. */
  meet(): Promise<void>;
}

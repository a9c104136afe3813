import { formatProblem, toSetupError } from "./failure.mjs";
import { setUp } from "./index.mjs";

/**
 * The set-up as a script runs it: a failure is one message on stderr.
 * @param {Parameters<typeof setUp>[0]} options
 * @returns {Promise<boolean>} whether everything is ready
 */
export async function runSetUp(options) {
  // Through exit, so that locks are released and children end.
  const exits = { SIGINT: () => process.exit(130), SIGTERM: () => process.exit(143) };
  for (const [signal, exit] of Object.entries(exits)) process.once(signal, exit);
  try {
    await setUp(options);
    return true;
  } catch (error) {
    console.error(`\ncodyra set-up stopped. ${formatProblem(toSetupError(error))}\n`);
    return false;
  } finally {
    for (const [signal, exit] of Object.entries(exits)) process.off(signal, exit);
  }
}

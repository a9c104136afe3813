const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/**
 * From here on, Ctrl-C and a polite kill end this process through `exit`, so that children, locks and
 * temporary folders go with it.
 */
export function exitOnSignals() {
  for (const [signal, code] of Object.entries(codes)) process.once(signal, () => process.exit(code));
}

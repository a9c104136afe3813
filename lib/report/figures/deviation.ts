/**
 * A rule of one standard deviation to both sides of `field`, whose deviation is in `<field>Std`.
 * It reaches from `low` to `high`, which `encoding` places.
 */
export function deviationRule(field: string, opacity: number, encoding: object) {
  return {
    transform: [
      { filter: `datum.${field}Std > 0` },
      { calculate: `datum.${field} - datum.${field}Std`, as: "low" },
      { calculate: `datum.${field} + datum.${field}Std`, as: "high" },
    ],
    mark: { type: "rule", opacity },
    encoding,
  };
}

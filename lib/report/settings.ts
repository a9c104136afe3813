/**
 * Nested settings under dotted names, as text, without those not set: `{a: {b: 1}, c: null}` becomes `{"a.b":
 * "1"}`.
 */
export function flattenSettings(config: Record<string, unknown>, prefix = ""): Record<string, string> {
  return Object.assign(
    {},
    ...Object.entries(config).map(([key, value]) => {
      const name = prefix + key;
      if (value === null || value === undefined) return {};
      if (typeof value === "object" && !Array.isArray(value)) {
        return flattenSettings(value as Record<string, unknown>, `${name}.`);
      }
      return { [name]: formatSetting(value) };
    }),
  );
}

function formatSetting(value: unknown): string {
  if (Array.isArray(value)) return value.map(formatSetting).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

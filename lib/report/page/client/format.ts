/** No-break space. */
const nbsp = "\u00a0";

/** A fraction as percent with one decimal, without the sign; "–" where there is no value. */
export function percent(fraction: number | null): string {
  if (fraction === null) return "–";
  const text = (100 * fraction).toFixed(1);
  return text === "-0.0" ? "0.0" : text.replace("-", "−");
}

/** A difference of fractions in points, with its sign. */
export function signed(difference: number | null): string {
  if (difference === null) return "–";
  const text = percent(difference);
  return text === "0.0" || text.startsWith("−") ? text : `+${text}`;
}

export function bytes(count: number | null): string {
  if (count === null) return "–";
  return count < 2 ** 30
    ? `${(count / 2 ** 20).toFixed(0)}${nbsp}MiB`
    : `${(count / 2 ** 30).toFixed(2)}${nbsp}GiB`;
}

export function duration(seconds: number | null): string {
  if (seconds === null) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)}${nbsp}s`;
  const rounded = Math.round(seconds);
  const [hours, minutes] = [Math.floor(rounded / 3600), Math.floor(rounded / 60) % 60];
  return [
    hours > 0 && `${hours}${nbsp}h`,
    (hours > 0 || minutes > 0) && `${minutes}${nbsp}min`,
    `${rounded % 60}${nbsp}s`,
  ]
    .filter(Boolean)
    .join(nbsp);
}

export function whole(count: number | null): string {
  return count === null ? "–" : count.toLocaleString("en");
}

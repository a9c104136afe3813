/** Controls, and the sign that decoders put where they lost a letter. */
const damage = /[\p{Cc}\ufffd]/u;

/** Whether a name has a control character, or lost a letter before it was read. */
export function isDamagedText(text: string): boolean {
  return damage.test(text);
}

import { nearestName } from "./nearest-name.js";

/** Every key of an options type: the compiler demands all of them, and no other. */
export type OptionKeys<Options> = { readonly [Key in keyof Options]-?: true };

/**
 * Refuses an options object with a key that does not exist, which JavaScript would ignore.
 * @param where name of the function that takes the options, for the error
 * @throws naming the key and the nearest one that exists
 */
export function checkOptions<Options extends object>(
  options: Options | undefined,
  keys: OptionKeys<Options>,
  where: string,
): void {
  if (options !== undefined) checkKeys(options, Object.keys(keys), where);
}

/**
 * The same with the keys as a list. Every operator call passes here, and V8 inlines it. A search in a short
 * list takes half the time of a look-up in an object.
 */
export function checkKeys(options: object | undefined, keys: readonly string[], where: string): void {
  if (options === undefined) return;
  for (const key in options) if (!keys.includes(key)) refuse(key, keys, where);
}

function refuse(key: string, known: readonly string[], where: string): never {
  const advice = known.length > 0 ? `Did you mean '${nearestName(key, known)}'?` : "Leave it out.";
  throw new TypeError(
    `${where}: expected options among ${known.join(", ") || "none"}, got '${key}'. ${advice}`,
  );
}

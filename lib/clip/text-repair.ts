import { decodeHTML, decodeHTMLStrict } from "entities";

// The tokenizers of OpenAI's CLIP and of open_clip first repair a text: `ftfy.fix_text`, HTML entities twice,
// white space. The steps and their order are those in ftfy 6's documentation (https://ftfy.readthedocs.io).

/**
 * Repairs a text as OpenAI's CLIP and open_clip do: HTML entities, mojibake, ligatures, full-width letters,
 * curly quotes, line breaks, control characters, white space. Mojibake is UTF-8 that was read as Latin-1 or
 * Windows-1252; ftfy also knows rarer encodings.
 */
export function repairText(text: string): string {
  const lines = text.split(/(?<=\n)/);
  // A tag shows that a text is HTML, in which entities are meant; and so for the lines after it.
  const firstTag = lines.findIndex((line) => line.includes("<"));
  const fixed = lines.map((line, i) => repairLine(line, firstTag < 0 || i < firstTag)).join("");
  const decoded = decodeHTML(decodeHTML(fixed));
  return decoded.replace(/\s+/gu, " ").trim();
}

const maxRounds = 100;

/** Until nothing changes any more. */
function repairLine(text: string, hasEntities: boolean): string {
  for (let round = 0; round < maxRounds; round++) {
    const before = text;
    if (hasEntities) text = unescapeEntities(text);
    text = fixMojibake(text);
    text = text.replace(/[\x80-\x9f]/g, (char) => windows1252.get(char.charCodeAt(0)) ?? char);
    text = text.replace(ligaturePattern, (char) => ligatures[char]!);
    text = text.replace(/[\u3000\uff01-\uffef]/g, (char) =>
      char === "\u3000" ? " " : char.normalize("NFKC"),
    );
    text = text.replace(/[\u02bc\u2018-\u201b]/g, "'").replace(/[\u201c-\u201f]/g, '"');
    text = text.replace(/\r\n|[\r\u2028\u2029\u0085]/g, "\n");
    text = text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed
    text = text.replace(/\x1b\[[\d;]*[a-zA-Z]/g, "");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed
    text = text.replace(/[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]/g, "");
    text = text.normalize("NFC");
    if (text === before) return text;
  }
  return text;
}

/**
 * Only those that end in a semicolon, and names in capitals such as `&EACUTE;`, which some databases make.
 */
function unescapeEntities(text: string): string {
  return text.replace(/&#?[0-9A-Za-z]{1,24};/g, (entity) => {
    const decoded = decodeHTMLStrict(entity);
    if (decoded !== entity || entity.startsWith("&#")) return decoded;
    if (entity !== entity.toUpperCase()) return entity;
    const lower = entity.toLowerCase();
    const ofLower = decodeHTMLStrict(lower);
    return ofLower === lower ? entity : ofLower.toUpperCase();
  });
}

const ligatures: Readonly<Record<string, string>> = {
  Ĳ: "IJ",
  ĳ: "ij",
  ŉ: "ʼn",
  Ǳ: "DZ",
  ǲ: "Dz",
  ǳ: "dz",
  Ǆ: "DŽ",
  ǅ: "Dž",
  ǆ: "dž",
  Ǉ: "LJ",
  ǈ: "Lj",
  ǉ: "lj",
  Ǌ: "NJ",
  ǋ: "Nj",
  ǌ: "nj",
  ﬀ: "ff",
  ﬁ: "fi",
  ﬂ: "fl",
  ﬃ: "ffi",
  ﬄ: "ffl",
  ﬅ: "ſt",
  ﬆ: "st",
};
const ligaturePattern = new RegExp(`[${Object.keys(ligatures).join("")}]`, "gu");

/**
 * The characters of the bytes 0x80 to 0x9F in Windows-1252; five have none and stay as they are. Node's own
 * decoder takes it for Latin-1.
 */
const windows1252: ReadonlyMap<number, string> = new Map(
  Array.from("€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ", (char, i) => [0x80 + i, char] as const),
);
const byteOfCharacter: ReadonlyMap<string, number> = new Map([
  ...Array.from({ length: 128 }, (_, i) => [String.fromCharCode(0x80 + i), 0x80 + i] as const),
  ...Array.from(windows1252, ([byte, char]) => [char, byte] as const),
]);

const lead2 = "\u00c2-\u00df";
const lead3 = "\u00e0-\u00ef";
const lead4 = "\u00f0-\u00f4";
const rest = `[\\u0080-\\u00bf${[...windows1252.values()].filter((char) => char > "\u00ff").join("")}]`;
const sequence = new RegExp(`[${lead2}]${rest}|[${lead3}]${rest}{2}|[${lead4}]${rest}{3}`, "gu");
/** Pairs that texts hardly ever have, and UTF-8 in the wrong encoding always. */
const telling = new RegExp(
  `[\\u00c2][\\u0080-\\u00bf]|[\\u00c3-\\u00c5\\u00ce-\\u00d1]${rest}|\\u00e2[\\u0080-\\u0082\\u0084\\u0086-\\u009d€‚„†ˆ™œš]|` +
    `\\u00f0[\\u009fŸ]|\\u00ef[\\u00bb\\u00bc\\u00bd\\u00b8]|[\\u00e3-\\u00ea]${rest}{2}`,
  "u",
);

/** UTF-8 whose bytes were taken for characters of Latin-1 or Windows-1252, back to what it says. */
function fixMojibake(text: string): string {
  return text.replace(sequence, (found) => {
    if (!telling.test(found)) return found;
    const bytes = Array.from(found, (char) => byteOfCharacter.get(char)!);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
    } catch {
      return found;
    }
  });
}

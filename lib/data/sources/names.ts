import { isDamagedText, printable } from "../../options/index.js";

/**
 * As CLIP's tokenizer cuts a text before its byte pairs: words, single digits, runs of other signs.
 * OpenAI/CLIP, simple_tokenizer.py.
 */
const pieces = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+/gu;

/**
 * CLIP takes two texts with the same key for one prompt. Its tokenizer composes Unicode, lowers the case and
 * takes any run of spaces for one. So "Sunflower " is "sunflower", and "t - shirt" is "t-shirt".
 */
export function promptKey(text: string): string {
  return (text.normalize("NFC").toLowerCase().match(pieces) ?? []).join(" ");
}

/** @throws if two classes are the same to CLIP's tokenizer, or one is blank */
export function checkClassNames(dataset: string, classes: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of classes) {
    const key = promptKey(name);
    const earlier = seen.get(key);
    if (earlier !== undefined) {
      throw new Error(
        `Dataset ${dataset}: expected a different name for each class, got "${earlier}" and "${name}". ` +
          "Rename one: a classifier could not tell them apart.",
      );
    }
    seen.set(key, name);
  }
}

const wordNetId = /^[nvar]\d{8}$/;
const number = /^[+-]?\d+([.,]\d+)?$/;
const numbered = /^\d+[._-]+(?=\p{L})/u;

/** As pandas, spreadsheets and databases write a cell without a value. */
const noValue = /^(<?na>?|#?n\/a|nan|nat|null|nil|none|undefined|unlabell?ed)$/i;

/** Messages about class names that are not words. CLIP knows classes by their names. */
export function classNameWarnings(classes: readonly string[]): string[] {
  const kinds = [
    ["numbers", number],
    ["WordNet ids", wordNetId],
    ["words with a number before them", numbered],
  ] as const;
  const notWords = kinds.flatMap(([what, pattern]) =>
    messageAbout(classes, (name) => pattern.test(name.trim()), `are ${what}`, "Give the names"),
  );
  const isMissing = (name: string) => noValue.test(name.trim());
  const missing = "stand for a missing value in tables";
  return [
    ...notWords,
    ...messageAbout(classes, isMissing, missing, "Leave such images out, or give the names"),
  ];
}

/** Messages about class names of which a file or a program lost letters. */
export function damagedNameWarnings(classes: readonly string[]): string[] {
  return messageAbout(classes, isDamagedText, "have a control character or a lost letter", "Give the names");
}

function messageAbout(
  classes: readonly string[],
  isMeant: (name: string) => boolean,
  what: string,
  advice: string,
): string[] {
  const found = classes.filter(isMeant);
  if (found.length === 0) return [];
  const shown = found.slice(0, 3).map((name) => `"${printable(name)}"`);
  return [
    `${found.length} of ${classes.length} class names ${what}, such as ${shown.join(", ")}, and prompts would say so. ` +
      `${advice} with classes: { label: name }.`,
  ];
}

/**
 * Class names without the numbers before them, as of `001.Black_footed_Albatross`, if these number the
 * classes; else nothing. Numbers that say something, as in `20_km-h` and `50_km-h`, stay.
 */
export function withoutNumbers(labels: readonly string[]): Map<string, string> | undefined {
  const numbers = labels.map((label) => numbered.exec(label)?.[0].match(/^\d+/)?.[0]);
  if (!isNumbering(numbers)) return undefined;
  const names = new Map(
    labels.map((label) => [label, label.replace(numbered, "").replaceAll("_", " ")] as const),
  );
  return new Set(names.values()).size === labels.length ? names : undefined;
}

/** Whether all are numbers, counted from 0 or 1 or zero-filled to one width. */
function isNumbering(texts: readonly (string | undefined)[]): texts is string[] {
  if (texts.length === 0 || texts.includes(undefined)) return false;
  const filled = texts as string[];
  const sorted = filled.map(Number).toSorted((a, b) => a - b);
  const counts = [0, 1].some((first) => sorted.every((value, i) => value === first + i));
  const isFilled =
    new Set(filled.map(({ length }) => length)).size === 1 && filled.some((text) => /^0\d/.test(text));
  return counts || isFilled;
}

/** @throws if there is no template, or one without the place of the class name */
export function checkTemplates(dataset: string, templates: readonly string[]): void {
  const broken = templates.find((template) => !template.includes("{}"));
  if (templates.length === 0 || broken !== undefined) {
    throw new Error(
      `Templates of ${dataset}: expected prompts such as "a photo of a {}.", got ${broken === undefined ? "none" : `"${broken}"`}. ` +
        "Write {} where the class name goes.",
    );
  }
}

import { printable } from "../options/index.js";
import type { AddedToken } from "./vocabulary.js";

/** Checks a text that is prepared, and its ids. @throws RangeError if the text cannot be read as it should */
export type TextCheck = (text: string, ids: readonly number[]) => void;

/** A letter, digit or underscore, as Rust's `\w`. */
const wordCharacter = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";

/**
 * Tokens are named in tokenizers that no text has, such as masks. Those that a model does not have, or that
 * count as a whole word only, are no fault until a text has them.
 * @param added the tokens that are found before a text is split into words
 * @param vocabSize tokens of the model
 */
export function textCheck(added: readonly Partial<AddedToken>[], vocabSize: number): TextCheck {
  // The library that follows `tokenizer.json` finds every token within words as well.
  const withinWords = added.flatMap(({ content = "", single_word: isWord, normalized: isFolded }) => {
    if (isWord !== true) return [];
    const literal = content.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    const pattern = new RegExp(
      `${wordCharacter}${literal}|${literal}${wordCharacter}`,
      isFolded ? "iu" : "u",
    );
    return [{ content, pattern }];
  });
  return (text, ids) => {
    const within = withinWords.find(({ pattern }) => pattern.test(text));
    if (within !== undefined) {
      throw refusal(
        text,
        `the token '${within.content}' counts as a whole word only (single_word): expected none within words`,
        "Write the words apart, or save the tokenizer without it.",
      );
    }
    const id = ids.find((each) => each >= vocabSize);
    if (id === undefined) return;
    const name = added.find((token) => token.id === id)?.content ?? "";
    throw refusal(
      text,
      `the model has ${vocabSize} tokens: expected ids up to ${vocabSize - 1}, got ${id} for '${name}'`,
      "Leave the token out, or take the tokenizer of this model.",
    );
  };
}

function refusal(text: string, what: string, advice: string): RangeError {
  return new RangeError(`Text ${shortened(text)}: ${printable(what)}. ${advice}`);
}

/** Both ends of the text: what tells it apart may be in either. */
export function shortened(text: string): string {
  return JSON.stringify(text.length > 90 ? `${text.slice(0, 50)} … ${text.slice(-30)}` : text);
}

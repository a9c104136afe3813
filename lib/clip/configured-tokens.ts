import type { DirectoryFiles } from "./files.js";
import { legacyTokens } from "./slow-tokenizer.js";
import { type NamedToken, specialTokens } from "./special-tokens.js";
import { type TokenizerJson, vocabularyOf } from "./tokenizer-json.js";
import { type AddedToken, addedToken } from "./vocabulary.js";

// transformers finds the tokens that the files beside a `tokenizer.json` name, also where it lacks them. With
// a pad token `!`, each of these becomes id 0.

/**
 * A `tokenizer.json` with the tokens that the files beside it name. Their ids are those of the vocabulary, or
 * else follow it.
 * @param source the directory, named in errors
 * @throws if one of the files is no part of a tokenizer
 */
export function withConfiguredTokens(
  json: TokenizerJson,
  files: DirectoryFiles,
  source: string,
): TokenizerJson {
  if (json?.model == null) return json; // which is told where it is read
  const known = numbered(json);
  const added = [...known];
  let vocabulary: Map<string, number> | undefined; // made for the few tokenizers that lack a token
  const add = (given: NamedToken, isSpecial: boolean): void => {
    const { content } = given;
    if (content === "" || added.some((each) => each.content === content)) return;
    vocabulary ??= vocabularyOf({ ...json, added_tokens: known });
    const id = vocabulary.get(content) ?? nextId(vocabulary);
    vocabulary.set(content, id);
    added.push({ ...addedToken(id, content, isSpecial), ...flagsOf(given) });
  };
  const { special, added: listed } = specialTokens(files, source);
  for (const given of listed ?? legacyTokens(files, source))
    add(given, "special" in given && given.special === true);
  for (const given of special) add(given, true);
  const isSame = known === json.added_tokens && added.length === known.length;
  return isSame ? json : { ...json, added_tokens: added };
}

/** As in Hugging Face's library, ids that the file gives to tokens beyond the vocabulary leave no gaps. */
function numbered({ model, added_tokens }: TokenizerJson): NonNullable<TokenizerJson["added_tokens"]> {
  const [vocab, added] = [model.vocab ?? {}, added_tokens ?? []];
  if (Array.isArray(vocab)) return added; // of a Unigram model, whose list numbers them
  const others = added.filter(({ content }) => !Object.hasOwn(vocab, content));
  const first = others.length === 0 ? 0 : Object.keys(vocab).length;
  if (others.every(({ id }, i) => id === first + i)) return added;
  const ids = new Map(others.map(({ content }, i) => [content, first + i]));
  return added.map((token) => ({ ...token, id: ids.get(token.content) ?? token.id }));
}

function nextId(vocabulary: ReadonlyMap<string, number>): number {
  return Array.from(vocabulary.values()).reduce((highest, id) => Math.max(highest, id), -1) + 1;
}

function flagsOf(given: NamedToken): Partial<AddedToken> {
  const names = ["single_word", "lstrip", "rstrip", "normalized"] as const;
  const fields: Partial<Record<string, unknown>> = given;
  return Object.fromEntries(names.filter((name) => fields[name] != null).map((name) => [name, fields[name]]));
}

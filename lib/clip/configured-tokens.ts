import { z } from "zod";
import { firstLines } from "../options/index.js";
import { type DirectoryFiles, parseJson } from "./files.js";
import { specialTokens } from "./slow-tokenizer.js";
import { type TokenizerJson, vocabularyOf } from "./tokenizer-json.js";
import { type AddedToken, addedToken } from "./vocabulary.js";

// transformers finds the tokens that `tokenizer_config.json` names, also where `tokenizer.json` lacks them.
// With a pad token `!`, each of these becomes id 0.

const token = z.union([
  z.string().transform((content) => ({ content })),
  z.looseObject({
    content: z.string(),
    lstrip: z.boolean().optional(),
    rstrip: z.boolean().optional(),
    normalized: z.boolean().optional(),
    special: z.boolean().optional(),
  }),
]);
type Token = z.output<typeof token>;

const schema = z.object({
  pad_token: token.nullish(),
  additional_special_tokens: z.array(token).nullish(),
  extra_special_tokens: z.union([z.array(token), z.record(z.string(), token)]).nullish(),
  added_tokens_decoder: z.record(z.string().regex(/^\d+$/), token).nullish(),
});

/**
 * A `tokenizer.json` with the tokens that the configuration beside it names. Their ids are those of the
 * vocabulary, or else follow it.
 * @param source the directory, named in errors
 * @throws if the configuration is no such, or a token is to be found as a whole word only
 */
export function withConfiguredTokens(
  json: TokenizerJson,
  files: DirectoryFiles,
  source: string,
): TokenizerJson {
  if (json?.model == null) return json; // which is told where it is read
  const added = [...(json.added_tokens ?? [])];
  let vocabulary: Map<string, number> | undefined; // made for the few tokenizers that lack a token
  const add = (given: Token, isSpecial: boolean, wantedId?: number): void => {
    const { content } = given;
    if (content === "" || added.some((known) => known.content === content)) return;
    vocabulary ??= vocabularyOf(json);
    const id = vocabulary.get(content) ?? wantedId ?? nextId(vocabulary);
    vocabulary.set(content, id);
    added.push({ ...addedToken(id, content, isSpecial), ...flagsOf(given) });
  };
  const config = readConfig(files, source);
  for (const [id, given] of Object.entries(config.added_tokens_decoder ?? {})) {
    add(given, "special" in given && given.special === true, Number(id));
  }
  const { bos_token: bos, eos_token: eos, unk_token: unk } = specialTokens(files, source);
  for (const content of [bos, eos, unk]) if (content != null) add({ content }, true);
  const others = [config.pad_token ?? [], config.additional_special_tokens ?? []].flat();
  for (const given of [...others, ...Object.values(config.extra_special_tokens ?? {})]) add(given, true);
  checkWholeWords(added, source);
  return added.length === (json.added_tokens ?? []).length ? json : { ...json, added_tokens: added };
}

function nextId(vocabulary: ReadonlyMap<string, number>): number {
  return Array.from(vocabulary.values()).reduce((highest, id) => Math.max(highest, id), -1) + 1;
}

function flagsOf(given: Token): Partial<AddedToken> {
  const names = ["lstrip", "rstrip", "normalized"] as const;
  const fields: Partial<Record<string, unknown>> = given;
  return Object.fromEntries(
    names.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]),
  );
}

function readConfig(files: DirectoryFiles, source: string): z.output<typeof schema> {
  const name = "tokenizer_config.json";
  if (!files.has(name)) return {};
  const parsed = schema.safeParse(parseJson(files, name, source));
  if (parsed.success) return parsed.data;
  throw new Error(
    `${source}/${name}: not part of a tokenizer.\n${firstLines(z.prettifyError(parsed.error), 7)}\nCopy it again.`,
  );
}

/** The library that follows `tokenizer.json` finds every token within words as well. */
function checkWholeWords(added: readonly object[], source: string): void {
  const found = added.find((known) => "single_word" in known && known.single_word === true);
  if (found === undefined) return;
  throw new Error(
    `${source}: the added token '${(found as AddedToken).content}' counts as a whole word only (single_word): expected none such, ` +
      "which are not known here. Save the tokenizer without it.",
  );
}

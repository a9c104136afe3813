import { z } from "zod";
import type { DirectoryFiles } from "./files.js";
import { parseTokenizerFile } from "./tokenizer-files.js";

const flag = z.boolean().nullish();
const token = z.union([
  z.string().transform((content) => ({ content })),
  z.looseObject({
    content: z.string(),
    single_word: flag,
    lstrip: flag,
    rstrip: flag,
    normalized: flag,
    special: flag,
  }),
]);

/** A token as configurations name it. */
export type NamedToken = z.output<typeof token>;

/** Null stands for a token that a tokenizer lacks. */
const named = token.nullish();
const list = z.array(named).nullish();

/** transformers gives ids in this order to those that the vocabulary lacks. */
const names = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token",
] as const;

type Name = (typeof names)[number];

const schema = z.looseObject({
  ...(Object.fromEntries(names.map((name) => [name, named])) as Record<Name, typeof named>),
  additional_special_tokens: list,
  extra_special_tokens: z.union([z.array(named), z.record(z.string(), named)]).nullish(),
  added_tokens_decoder: z.record(z.string().regex(/^\d+$/), token).nullish(),
});

type Content = z.output<typeof schema>;

/** Tokens that the files beside a `tokenizer.json` name. */
export interface SpecialTokens extends Readonly<Partial<Record<Name, string>>> {
  /** Those that are special, in the order of their ids where the vocabulary has none. */
  readonly special: readonly NamedToken[];
  /** Those that `added_tokens_decoder` lists, in the order of their ids; absent where there is none. */
  readonly added?: readonly NamedToken[];
}

/**
 * The special tokens of `tokenizer_config.json`. As in transformers, those of `special_tokens_map.json` take
 * their place where there is no `added_tokens_decoder`.
 * @throws if one of the files is no part of a tokenizer
 */
export function specialTokens(files: DirectoryFiles, source: string): SpecialTokens {
  const config = read(files, "tokenizer_config.json", source);
  const map = read(files, "special_tokens_map.json", source);
  const isListed = config.added_tokens_decoder != null;
  const all: Content = isListed ? config : { ...config, ...map };
  const found = names.flatMap((name) => (all[name] == null ? [] : [[name, all[name]] as const]));
  const others = Object.entries(all).filter(
    ([key]) => key.endsWith("_token") && !names.includes(key as Name),
  );
  const ofModel = others.flatMap(([, value]) => token.safeParse(value).data ?? []);
  const special = [
    ...found.map(([, each]) => each),
    ...ofModel,
    ...extraTokens(isListed ? [config] : [config, map]),
  ];
  return {
    ...Object.fromEntries(found.map(([name, { content }]) => [name, content])),
    special,
    ...(config.added_tokens_decoder && { added: Object.values(config.added_tokens_decoder) }), // keys are in order
  };
}

function extraTokens(contents: readonly Content[]): NamedToken[] {
  return contents.flatMap(({ extra_special_tokens: extra, additional_special_tokens: additional }) => {
    const given = Object.values(extra ?? {});
    return (given.length > 0 ? given : (additional ?? [])).filter((each) => each != null);
  });
}

/** Without what is null: it takes no other's place. */
function read(files: DirectoryFiles, name: string, source: string): Content {
  if (!files.has(name)) return {};
  const content = parseTokenizerFile(schema, files, name, source);
  return Object.fromEntries(Object.entries(content).filter(([, value]) => value != null));
}

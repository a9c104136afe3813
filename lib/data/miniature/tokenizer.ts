import { Random } from "../random.js";
import { byteSymbols, endOfWord, learnMerges } from "./bpe.js";
import { miniatureDomains } from "./domains.js";
import { mixtureDrawing } from "./mixture.js";

const startOfText = "<|startoftext|>";
const endOfText = "<|endoftext|>";
const wordPattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`;

/** Entries of the vocabulary: 2 × 256 byte symbols, merges, and the two markers. */
const vocabularyLimit = 1024;
const corpusCaptions = 4000;

/** The miniature tokenizer as Hugging Face files. */
export interface MiniatureTokenizer {
  /** Content of `tokenizer.json`. */
  readonly tokenizer: { readonly model: { readonly vocab: Readonly<Record<string, number>> } };
  /** Content of `tokenizer_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly vocabularySize: number;
  readonly startOfTextId: number;
  readonly endOfTextId: number;
}

/** Builds a tokenizer laid out as OpenAI's CLIP tokenizer, its merges learned from captions of the miniature world. */
export function buildMiniatureTokenizer(contextLength: number): MiniatureTokenizer {
  const symbols = [...byteSymbols().values()];
  const reserved = symbols.length * 2 + 2;
  const merges = learnMerges(corpusWords(), vocabularyLimit - reserved);
  const entries = [
    ...symbols,
    ...symbols.map((symbol) => symbol + endOfWord),
    ...merges.map(([left, right]) => left + right),
    startOfText,
    endOfText,
  ];
  const vocab = Object.fromEntries(entries.map((entry, id) => [entry, id]));
  const startOfTextId = entries.length - 2;
  const endOfTextId = entries.length - 1;
  return {
    tokenizer: tokenizerFile(
      vocab,
      merges.map((merge) => merge.join(" ")),
      startOfTextId,
      endOfTextId,
    ),
    config: {
      tokenizer_class: "CLIPTokenizer",
      bos_token: startOfText,
      eos_token: endOfText,
      pad_token: endOfText,
      unk_token: endOfText,
      do_lower_case: true,
      model_max_length: contextLength,
    },
    vocabularySize: entries.length,
    startOfTextId,
    endOfTextId,
  };
}

/** Words of the class prompts and of a sample of the mixture's captions, with their counts. */
function corpusWords(): Map<string, number> {
  const prompts = miniatureDomains.flatMap(({ classes, template }) =>
    classes.map((name) => template.replace("{}", name)),
  );
  const captions = Array.from(
    { length: corpusCaptions },
    (_, i) => mixtureDrawing(new Random(`corpus/${i}`)).caption,
  );
  const counts = new Map<string, number>();
  for (const text of [...prompts, ...captions]) {
    for (const [word] of text.toLowerCase().matchAll(new RegExp(wordPattern, "gu"))) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

function tokenizerFile(
  vocab: Record<string, number>,
  merges: string[],
  startOfTextId: number,
  endOfTextId: number,
) {
  const marker = (content: string, id: number) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [marker(startOfText, startOfTextId), marker(endOfText, endOfTextId)],
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFC" },
        { type: "Replace", pattern: { Regex: String.raw`\s+` }, content: " " },
        { type: "Lowercase" },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: wordPattern }, behavior: "Removed", invert: true },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: "RobertaProcessing",
      sep: [endOfText, endOfTextId],
      cls: [startOfText, startOfTextId],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: endOfText,
      continuing_subword_prefix: "",
      end_of_word_suffix: endOfWord,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges,
    },
  };
}

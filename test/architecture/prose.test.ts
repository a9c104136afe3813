import { expect, it } from "vitest";
import { readPages } from "../docs/pages.js";
import { commentParagraphs, type Paragraph, pageParagraphs } from "./paragraphs.js";
import { sentences } from "./sentences.js";
import { readSources } from "./sources.js";
import { textParagraphs } from "./texts.js";

const longest = 25;
const longestWhether = 15;

const isWritten = ({ path }: { path: string }) => path !== "CHANGELOG.md" && path !== "docs/options.md";
const sources = readSources();
const comments = sources.flatMap(commentParagraphs);
const isSaid = ({ path }: { path: string }) =>
  /^lib\/.*\.ts$/.test(path) && !path.endsWith("/flower-names.ts");
const texts = sources.filter(isSaid).flatMap(textParagraphs);
const pages = readPages().filter(isWritten).flatMap(pageParagraphs);

const longSentences = (paragraphs: readonly Paragraph[]) =>
  paragraphs.flatMap(({ path, line, text }) =>
    sentences(text)
      .filter(({ words }) => words > longest)
      .map(({ text, words, linesBefore }) => `${path}:${line + linesBefore} (${words} words): ${text}`),
  );

// A description names its thing: "the path of the file", not "where the file is" or "of the file". "Whether"
// is the usual form for a value that is true or false, and stays where the sentence is short.
const evasiveDescriptions = (paragraphs: readonly Paragraph[]) =>
  paragraphs.flatMap(({ path, line, text, isDescription }) => {
    const [first] = sentences(text);
    if (!isDescription || !first) return [];
    const isHidden = /^whether\b/i.test(first.text) && first.words > longestWhether;
    const isEvasive = /^(what|of|where)\b/i.test(first.text) || isHidden;
    return isEvasive ? [`${path}:${line + first.linesBefore}: ${first.text}`] : [];
  });

it(`sentences of comments and pages have at most ${longest} words`, () => {
  expect(comments.length).toBeGreaterThan(5000);
  expect(pages.length).toBeGreaterThan(500);
  expect(longSentences([...comments, ...pages])).toEqual([]);
});

it("descriptions name what they describe", () => {
  expect(evasiveDescriptions(comments)).toEqual([]);
});

it(`sentences of messages, notes and help have at most ${longest} words`, () => {
  expect(texts.length).toBeGreaterThan(1500);
  expect(longSentences(texts)).toEqual([]);
});

it("sentences of messages, notes and help name what they speak of", () => {
  const isEvasive = (text: string) => /^(What|Of|Where|Whether)\b/.test(text);
  const evasive = texts.filter(({ text }) => sentences(text).some((sentence) => isEvasive(sentence.text)));
  expect(evasive.map(({ path, line, text }) => `${path}:${line}: ${text}`)).toEqual([]);
  expect(evasiveDescriptions(texts)).toEqual([]);
});

it("finds what it looks for, and nothing in code, links and formulas", () => {
  const words = (count: number) => Array.from({ length: count }, () => "word").join(" ");
  const text = [
    "/**",
    ` * Short. As e.g. \`a. b\` has ${words(longest - 4)}. Here are`,
    ` * ${words(longest - 1)}, see {@link Other} (arXiv:2412.01004, eq. 1).`,
    " *",
    ` *     ${words(40)}`,
    " * @param {{ a: string }} where of the file",
    " * @returns whether it is short",
    " */",
    `const a = 1; // ${words(26)}`,
  ].join("\n");
  const source = commentParagraphs({ path: "a.ts", text });
  expect(longSentences(source).map((found) => found.replace(/:( word| Here).*/, ""))).toEqual([
    "a.ts:2 (28 words)",
    "a.ts:9 (26 words)",
  ]);
  expect(evasiveDescriptions(source)).toEqual(["a.ts:6: of the file"]);
  const page = pageParagraphs({
    path: "a.md",
    text: `# ${words(30)}\n\n- ${words(12)}\n- [${words(13)}](${words(20)})\n\n| ${words(30)} |\n\n\`\`\`\n${words(30)}\n\`\`\`\n`,
  });
  expect(longSentences(page)).toEqual([]);
});

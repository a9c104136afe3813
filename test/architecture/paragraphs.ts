import type { Source } from "./sources.js";

/** Lines of prose that belong together. */
export interface Paragraph {
  readonly path: string;
  /** Number of the first line, from 1. */
  readonly line: number;
  /** The lines without comment signs, list marks and tags, joined by line ends. */
  readonly text: string;
  /** Whether a documentation comment, or one of its tags, begins here. */
  readonly isDescription: boolean;
}

/** A line of prose, or a border between two paragraphs. */
type Line = "border" | { readonly number: number; readonly text: string; readonly describes?: boolean };

const listMark = /^\s*(?:[-*]|\d+\.|>)\s+/;
const indentedCode = /^ {4}/;
const noProse = /^\s*(?:\||#|<|!\[|$)/;

/** The comments of a source: whole lines, blocks and the ends of lines of code. */
export function commentParagraphs({ path, text }: Source): Paragraph[] {
  return group(path, /\.(py|sh|yaml)$/.test(path) ? hashComments(text) : slashComments(text));
}

/** The prose of a Markdown page, without code, tables and headings. */
export function pageParagraphs({ path, text }: Source): Paragraph[] {
  let isCode = false;
  const lines = text.split("\n").map((line, i): Line => {
    const isFence = /^\s*```/.test(line);
    if (isFence) isCode = !isCode;
    return isFence || isCode || noProse.test(line) ? "border" : { number: i + 1, text: line };
  });
  return group(path, lines);
}

function hashComments(text: string): Line[] {
  let indent: number | undefined; // of the docstring that is open
  return text.split("\n").flatMap((line, i): Line[] => {
    const number = i + 1;
    const isFirst = indent === undefined && /^\s*"""/.test(line);
    if (isFirst) indent = line.indexOf('"""');
    if (indent === undefined) {
      const comment = /(?:^|\s)#+ (.*)$/.exec(line)?.[1];
      return comment === undefined ? ["border"] : [{ number, text: comment }];
    }
    const prose: Line = { number, text: line.slice(indent).replaceAll('"""', ""), describes: true };
    const isLast = line.lastIndexOf('"""') > (isFirst ? indent : -1);
    if (isLast) indent = undefined;
    return [...(isFirst ? ["border" as const] : []), prose, ...(isLast ? ["border" as const] : [])];
  });
}

function slashComments(text: string): Line[] {
  let block: "plain" | "documentation" | undefined;
  return text.split("\n").flatMap((line, i): Line[] => {
    const number = i + 1;
    const opening = block ? null : /^\s*\/\*(\*?)/.exec(line);
    if (opening) block = opening[1] ? "documentation" : "plain";
    if (!block) {
      const whole = /^\s*\/\/+(.*)$/.exec(line)?.[1];
      if (whole !== undefined) return [{ number, text: whole }];
      const trailing = /\s\/\/ (.*)$/.exec(line)?.[1];
      return trailing === undefined ? ["border"] : ["border", { number, text: trailing }, "border"];
    }
    const describes = block === "documentation";
    if (line.includes("*/")) block = undefined;
    const content = line.replace(/^\s*(\/\*\*?|\*(?!\/))/, "").replace(/\*\/.*$/, "");
    const lines = content.split(/(?<=^|\s)(?=@[a-z])/i).flatMap((part): Line[] => {
      const found = { number, text: part, describes };
      return part.startsWith("@") ? ["border", found] : [found];
    });
    return [...(opening ? ["border" as const] : []), ...lines, ...(block ? [] : ["border" as const])];
  });
}

function group(path: string, lines: readonly Line[]): Paragraph[] {
  const paragraphs: { path: string; line: number; text: string; isDescription: boolean }[] = [];
  let isOpen = false;
  for (const line of lines) {
    const last = paragraphs.at(-1);
    if (line === "border" || !line.text.trim() || indentedCode.test(line.text)) isOpen = false;
    else if (isOpen && last && !listMark.test(line.text)) last.text += `\n${line.text.trim()}`;
    else {
      const text = line.text.replace(listMark, "").trim();
      paragraphs.push({ path, line: line.number, text, isDescription: line.describes ?? false });
      isOpen = true;
    }
  }
  return paragraphs.map((paragraph) => ({ ...paragraph, text: untagged(paragraph.text) }));
}

/** The text of a tag, without its type in braces and the name that it describes. Lines stay as many. */
function untagged(text: string): string {
  const tag = /^@\w+/.exec(text)?.[0];
  if (tag === undefined) return text;
  let rest = text.slice(tag.length);
  if (/^\s*\{(?!@)/.test(rest)) rest = rest.slice(endOfBraces(rest));
  if (/^@(?:param|property|typedef|template|typeParam)$/.test(tag)) rest = rest.replace(/^\s*\S+/, "");
  return "\n".repeat(text.split("\n").length - rest.split("\n").length) + rest;
}

function endOfBraces(text: string): number {
  let depth = 0;
  for (let i = text.indexOf("{"); i < text.length; i++) {
    depth += text[i] === "{" ? 1 : text[i] === "}" ? -1 : 0;
    if (depth === 0) return i + 1;
  }
  return text.length;
}

import ts from "typescript";
import type { Paragraph } from "./paragraphs.js";
import type { Source } from "./sources.js";

/** Examples and configurations in `--help`. */
const noProse = /^\s*(?:\$ |#|- |\} |[\w.-]+: |$)/;
/** The first column of a table in `--help`. */
const firstColumn = /^.*?\S {2,}(?=\S)/;
/** Words with a space between them, rather than a name, a path or a key. */
const isProse = (text: string) => /\p{L}{2,},? \p{L}/u.test(text);

/** The texts that a program says: string literals and templates, joined where they are added up. */
export function textParagraphs({ path, text }: Source): Paragraph[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: Paragraph[] = [];
  const visit = (node: ts.Node): void => {
    const said = textOf(node);
    if (said !== undefined) {
      const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      for (const text of paragraphsOf(said).filter(isProse))
        found.push({ path, line, text, isDescription: isDescribing(node) });
    }
    const isRead = said !== undefined && !ts.isTemplateExpression(node);
    if (!isRead || ts.isBinaryExpression(node))
      ts.forEachChild(node, said === undefined ? visit : visitHoles);
  };
  /** Texts within the holes of a template that was read. */
  const visitHoles = (node: ts.Node): void => {
    if (ts.isTemplateSpan(node)) visit(node.expression);
    else ts.forEachChild(node, visitHoles);
  };
  visit(source);
  return found;
}

/** The text of an expression of literals and templates, with a word for whatever stands in a hole. */
function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (ts.isTemplateExpression(node)) {
    return node.head.text + node.templateSpans.map(({ literal }) => `X${literal.text}`).join("");
  }
  if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.PlusToken) return undefined;
  const [left, right] = [textOf(node.left), textOf(node.right)];
  return left === undefined || right === undefined ? undefined : left + right;
}

function paragraphsOf(text: string): string[] {
  if (text.startsWith("<")) return []; // a page, or its style
  if (!text.includes("\n")) return [text];
  const lines = text.split("\n").map((line) => (noProse.test(line) ? "" : line.replace(firstColumn, "\n\n")));
  return lines.join("\n").split(/\n\s*\n/);
}

/** The meaning of an option, flag or command. */
function isDescribing({ parent }: ts.Node): boolean {
  if (!ts.isCallExpression(parent)) return false;
  const { expression } = parent;
  const name = ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText();
  return ["describe", "description", "option", "requiredOption", "paper", "code", "paperOrCode"].includes(
    name,
  );
}

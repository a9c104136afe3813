import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../lib/files/index.js";

/** A page of documentation. */
export interface Page {
  /** Relative to the package. */
  readonly path: string;
  readonly text: string;
}

/** The pages at the root, in bench/ and in all of docs/, without the generated API reference. */
export function readPages(): Page[] {
  const below = readdirSync(join(packageRoot, "docs"), { recursive: true, encoding: "utf8" });
  const docs = below.filter((name) => name.endsWith(".md") && !name.startsWith("api/"));
  const others = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "bench/README.md",
    "examples/README.md",
  ];
  return [...others, ...docs.map((name) => `docs/${name}`)].map((path) => ({
    path,
    text: readFileSync(join(packageRoot, path), "utf8"),
  }));
}

/** The contents of a page's code blocks in one language. */
export function codeBlocks({ text }: Page, language: string): string[] {
  return Array.from(text.matchAll(/^```(\w+)\n(.*?)^```$/gms))
    .filter(([, found]) => found === language)
    .map(([, , code]) => code as string);
}

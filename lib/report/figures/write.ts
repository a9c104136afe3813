import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../../files/index.js";
import type { Figure, FoundFigures, MissingFigure } from "./figure.js";
import { renderFigure } from "./render.js";

/**
 * Writes figures as SVG, PNG and CSV, and `figures.md`, which shows them all with their notes and lists what
 * is missing.
 * @returns the paths of the drawings
 */
export async function writeFigures({ figures, missing }: FoundFigures, directory: string): Promise<string[]> {
  mkdirSync(directory, { recursive: true });
  const paths: string[] = [];
  for (const figure of figures) paths.push(await writeFigure(figure, directory));
  writeFileAtomically(join(directory, "figures.md"), overview({ figures, missing }));
  return paths;
}

/** Writes one figure as SVG, PNG and CSV. @returns the path of the drawing */
export async function writeFigure(figure: Figure, directory: string): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const { svg, png, csv } = await renderFigure(figure);
  const path = join(directory, figure.name);
  writeFileAtomically(`${path}.svg`, svg);
  writeFileAtomically(`${path}.png`, png);
  writeFileAtomically(`${path}.csv`, csv);
  return `${path}.svg`;
}

/** Lists the missing figures, with the commands that would make them. */
export function describeMissing(missing: readonly MissingFigure[]): string {
  return missing
    .map(({ numbers, title, reason, commands }) => {
      const list = commands.map((command) => `    ${command}\n`).join("");
      return `Figure${numbers.length > 1 ? "s" : ""} ${numbers.join(", ")}: ${title}\n  Missing: ${reason}.\n${list}`;
    })
    .join("");
}

function overview({ figures, missing }: FoundFigures): string {
  const sections = figures.map(({ number, name, title, notes }: Figure) => {
    const heading = number === undefined ? title : `Figure ${number}: ${title}`;
    const list = notes.map((note) => `- ${note}\n`).join("");
    return `## ${heading}\n\n![${title}](${name}.svg)\n\n${list}\n[Data](${name}.csv) · [PNG](${name}.png)\n`;
  });
  const rest = missing.length > 0 ? [`## Missing\n\n\`\`\`text\n${describeMissing(missing)}\`\`\`\n`] : [];
  return ["# Figures\n\nNumbers are those of arXiv:2412.01004.\n", ...sections, ...rest].join("\n");
}

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";
import { packageRoot } from "../../lib/torch/index.js";

const root = join(packageRoot, "lib");

interface Import {
  readonly from: string;
  readonly to: string;
  /** Gone when the program runs. */
  readonly isType: boolean;
}

const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
  (path) => path.endsWith(".ts") && !path.includes("page/client"),
);
const imports = files.flatMap(importsOf);
const layerOf = (path: string) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : "");

/** The static imports of a file from other files of the package. */
function importsOf(path: string): Import[] {
  const source = ts.createSourceFile(path, readFileSync(join(root, path), "utf8"), ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement) => {
    const isImport = ts.isImportDeclaration(statement);
    if (!isImport && !ts.isExportDeclaration(statement)) return [];
    const { moduleSpecifier } = statement;
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return [];
    if (!moduleSpecifier.text.startsWith(".")) return [];
    const target = resolve(dirname(join(root, path)), moduleSpecifier.text).replace(/\.js$/, ".ts");
    const clause = isImport ? statement.importClause : statement;
    const named = isImport ? statement.importClause?.namedBindings : statement.exportClause;
    const elements: readonly (ts.ImportSpecifier | ts.ExportSpecifier)[] =
      named && (ts.isNamedImports(named) || ts.isNamedExports(named)) ? [...named.elements] : [];
    const isType =
      clause?.isTypeOnly === true || (elements.length > 0 && elements.every((each) => each.isTypeOnly));
    return [{ from: path, to: relative(root, target), isType }];
  });
}

/** Pure formulas and tables of numbers and names that reports and help need without loading models. */
const pure = [
  "clip/config.ts",
  "clip/tokenizer-files.ts",
  "lora/analysis/amplification.ts",
  "lora/threshold.ts",
  "torch/optim/schedule.ts",
  "torch/preload.ts", // what is done before a layer is loaded
  "torch/quick-end.ts", // and after it
];

it("a layer is imported through its index", () => {
  const isOutside = ({ from, to }: Import) => layerOf(from) !== layerOf(to) && layerOf(to) !== "";
  const others = imports.filter((each) => isOutside(each) && !/^\w+\/index\.ts$/.test(each.to));
  expect(others.filter(({ to }) => !pure.includes(to)).map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

it("layers do not import each other in a circle", () => {
  const edges = imports.flatMap(({ from, to, isType }) =>
    layerOf(from) === layerOf(to) || layerOf(from) === "" || isType
      ? []
      : [[layerOf(from), layerOf(to)] as const],
  );
  expect(circles(edges)).toEqual([]);
});

it("options and files on disk know nothing of the layers above", () => {
  const basis = ["files", "options"];
  const above = imports.filter(
    ({ from, to }) => basis.includes(layerOf(from)) && layerOf(from) !== layerOf(to),
  );
  expect(above).toEqual([]);
});

it("a layer imports from layers above it in docs/architecture.md", () => {
  const page = readFileSync(join(packageRoot, "docs/architecture.md"), "utf8");
  const order = Array.from(page.matchAll(/^\| `lib\/(\w+)\/`/gm), ([, layer]) => layer as string);
  const used = new Set(files.map(layerOf).filter((layer) => layer !== ""));
  expect(order.toSorted()).toEqual([...used].toSorted());
  const upward = imports.filter(({ from, to, isType }) => {
    const [importer, imported] = [order.indexOf(layerOf(from)), order.indexOf(layerOf(to))];
    return !isType && !pure.includes(to) && importer !== -1 && imported > importer;
  });
  expect(upward.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

it("files do not import each other in a circle when the program runs, but for the heart of tensors", () => {
  // Tensors, their scopes and operators are one thing in several files, which export hoisted functions alone.
  const heart = ["operator", "operators.generated", "random", "scope", "tensor", "tensor-methods.generated"];
  const edges = imports.filter(({ isType }) => !isType).map(({ from, to }) => [from, to] as const);
  const isHeart = (path: string) => heart.includes(path.replace(/^torch\/(.*)\.ts$/, "$1"));
  expect(circles(edges.filter(([from, to]) => !isHeart(from) || !isHeart(to)))).toEqual([]);
});

/** The circles that a search in depth meets, each as its members. */
function circles(edges: readonly (readonly [string, string])[]): string[] {
  const next = grouped(edges);
  const done = new Set<string>();
  const found = new Set<string>();
  const visit = (node: string, path: readonly string[]): void => {
    if (path.includes(node)) found.add([...path.slice(path.indexOf(node)), node].join(" → "));
    if (path.includes(node) || done.has(node)) return;
    for (const [, to] of next.get(node) ?? []) visit(to, [...path, node]);
    done.add(node);
  };
  for (const [from] of edges) visit(from, []);
  return [...found];
}

it("no file outside of lib/records says what a file of a run is called or looks like", () => {
  const declared = /"(run|matrix|ranks|samples)\.json"|"events\.jsonl"|"changes",|formatVersion: z/;
  const found = files.filter(
    (path) => layerOf(path) !== "records" && declared.test(readFileSync(join(root, path), "utf8")),
  );
  expect(found).toEqual([]);
});

function grouped(edges: readonly (readonly [string, string])[]): Map<string, (readonly [string, string])[]> {
  const groups = new Map<string, (readonly [string, string])[]>();
  for (const edge of edges) groups.set(edge[0], [...(groups.get(edge[0]) ?? []), edge]);
  return groups;
}

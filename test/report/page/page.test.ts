import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  pageData,
  type Run,
  readRun,
  renderPage,
  reportHtml,
  writeReport,
} from "../../../lib/report/index.js";
import { type RunOptions, writeRun } from "../fixtures.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "codyra-page-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
const run = (options: RunOptions): Run => readRun(writeRun(join(folder, `run-${made++}`), options));

const scripts = (page: string): string[] =>
  [...page.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(([, text]) => text as string);

describe("reportHtml", () => {
  it("holds the data as JSON, and nothing from elsewhere", () => {
    const runs = [run({ method: "lora" }), run({ method: "codyra" })];
    const page = reportHtml(runs);
    expect(JSON.parse(scripts(page)[0] as string)).toEqual(JSON.parse(JSON.stringify(pageData(runs))));
    expect(page).not.toMatch(/<link|<img|<iframe|@import|url\(|https?:\/\/(?!www\.w3\.org\/)/i);
    expect(page).not.toMatch(/<script[^>]*\bsrc=/);
  });

  it("allows its own script and style only", () => {
    const page = reportHtml([run({ method: "codyra" })]);
    const sha256 = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    const style = page.match(/<style>([\s\S]*?)<\/style>/)?.[1] as string;
    expect(page).toContain(
      `content="default-src 'none'; script-src ${sha256(scripts(page)[1] as string)}; style-src ${sha256(style)}"`,
    );
  });

  it("lets a served page connect to its server, and no other", () => {
    const data = pageData([run({ method: "codyra" })]);
    expect(renderPage(data, { eventsPath: "/events" })).toContain("; connect-src 'self'\"");
    expect(renderPage(data)).not.toContain("connect-src");
  });

  it("escapes everything that users name", () => {
    const evil = `"'><script>alert(1)</script><!--&`;
    const page = reportHtml([
      run({ method: evil, datasets: [evil, "flags"], info: { config: { [evil]: evil }, gitRevision: evil } }),
    ]);
    expect(page).not.toContain("<script>alert");
    expect(page).not.toContain("<!--");
    expect(page).toContain("<title>&#34;&#39;&#62;&#60;script&#62;alert(1)");
    expect(JSON.parse(scripts(page)[0] as string).groups[0].label).toBe(evil);
  });

  it("says in words what came of it where there is no JavaScript", () => {
    const page = reportHtml([run({ method: "codyra" })]);
    expect(page.match(/<noscript>([\s\S]*?)<\/noscript>/)?.[1]).toContain("Ends at");
  });
});

describe("writeReport", () => {
  it("replaces the page as a whole and leaves nothing else behind", () => {
    const target = join(folder, "new", "report.html");
    writeReport([run({ method: "lora", tasks: 1 })], target);
    writeReport([run({ method: "codyra", tasks: 1 })], target);
    expect(readFileSync(target, "utf8")).toContain("<title>codyra, 6 datasets in a row</title>");
    expect(readdirSync(join(folder, "new"))).toEqual(["report.html"]);
  });

  it("keeps the old page when the runs cannot be shown together", () => {
    const target = join(folder, "kept", "report.html");
    mkdirSync(join(folder, "kept"));
    writeFileSync(target, "old");
    const runs = [run({ method: "lora" }), run({ method: "lora", datasets: ["flags"] })];
    expect(() => writeReport(runs, target)).toThrow(/only comparable/);
    expect(readFileSync(target, "utf8")).toBe("old");
  });
});

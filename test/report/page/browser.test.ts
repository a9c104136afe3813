import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { computeMetrics, writeGuardRecord } from "../../../lib/records/index.js";
import { type Run, readRun, writeCheckReport, writeReport } from "../../../lib/report/index.js";
import { launchChromium, needsChromium, problemsOf } from "../../browser.js";
import { DATASETS, guardRecord, writeRun } from "../fixtures.js";

const percent = (fraction: number | undefined): string =>
  fraction === undefined
    ? "–"
    : (100 * fraction)
        .toFixed(1)
        .replace(/^-(0\.0)$/, "$1")
        .replace("-", "−");

describe("the report in a browser", needsChromium, () => {
  let folder: string;
  let browser: Browser;
  let runs: Run[];
  let several: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "codyra-browser-"));
    browser = await launchChromium();
    runs = ["zero-shot", "finetune", "lora", "codyra"].map((method) =>
      readRun(
        writeRun(join(folder, method), { method, holdOuts: ["cifar100"], forgets: method.length / 100 }),
      ),
    );
    several = join(folder, "several.html");
    writeReport(runs, several);
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  /** The page with all its sections drawn; fails the test on anything in the console. */
  async function open(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await openPage(path, options);
    await page.waitForSelector("#configuration table");
    return page;
  }

  async function openPage(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await browser.newPage(options);
    const problems = problemsOf(page);
    onTestFinished(async () => {
      await page.close();
      expect(problems).toEqual([]);
    });
    await page.goto(pathToFileURL(path).href);
    return page;
  }

  const rowsOf = (page: Page, selector: string): Promise<string[][]> =>
    page
      .locator(`${selector} tbody tr`)
      .evaluateAll((rows) =>
        rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.firstChild?.textContent ?? "")),
      );

  it("shows the accuracies of the run files", async () => {
    const page = await open(several);
    const expected = runs.flatMap(({ accuracy }) => [accuracy.zeroShot as number[], ...accuracy.matrix]);
    const heldOut = runs.flatMap(({ accuracy: { holdOuts } }) => [
      holdOuts?.zeroShot ?? [],
      ...(holdOuts?.matrix ?? []),
    ]);
    expect(await rowsOf(page, "#matrices .heat")).toEqual(
      [...expected, ...heldOut].map((row) => row.map(percent)),
    );
  });

  it("shows the metrics of the run files, per dataset and sorted on average", async () => {
    const page = await open(several);
    const metrics = runs.map(({ accuracy }) => computeMetrics(accuracy));
    const perDataset = (["transfer", "average", "last", "forgetting"] as const).flatMap((name) =>
      metrics.map((of) => [...of[name].columns, of[name].overall].map(percent)),
    );
    expect((await rowsOf(page, "#metrics")).slice(0, 16)).toEqual(perDataset);
    const averages = metrics.map(({ average }) => average.overall as number).sort((a, b) => b - a);
    const shown = await rowsOf(page, ".results");
    expect(shown.map(([, average]) => average)).toEqual(averages.map(percent));
    await page.getByRole("button", { name: "Forgetting" }).press("Enter");
    const forgetting = metrics.map((of) => of.forgetting.overall as number).sort((a, b) => a - b);
    expect((await rowsOf(page, ".results")).map((cells) => cells[3])).toEqual(forgetting.map(percent));
  });

  it("shows the active ranks of the run files", async () => {
    const page = await open(several);
    const codyra = page.locator("#ranks .group", { hasText: /^codyra/ });
    await codyra.locator("figure").nth(6).waitFor();
    const ranks = runs[3]?.ranks;
    const counts = await codyra
      .locator("figure")
      .evaluateAll((figures) =>
        figures
          .slice(1)
          .map((figure) => [...figure.querySelectorAll("td")].map((cell) => Number(cell.textContent))),
      );
    const sorted = (values: number[]): number[] => values.toSorted((a, b) => a - b);
    expect(counts.map(sorted)).toEqual(ranks?.tasks.map(({ active }) => sorted(active)));
    await expect(
      page.locator("#ranks").getByText("All 1,152 ranks are active after every task.").count(),
    ).resolves.toBe(1);
  });

  it("explains a value on hover and on focus, and moves through a heat map with the arrow keys", async () => {
    const page = await open(several);
    const cells = page.locator("#matrices table").nth(3).locator("td");
    await cells.first().hover();
    expect(await page.locator(".tip").textContent()).toBe(`${DATASETS[0]} before training: 41.0 %`);
    expect(await page.locator("#matrices table").nth(3).locator('[tabindex="0"]').count()).toBe(1);
    await cells.first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    const [first, second] = (runs[3]?.accuracy.matrix ?? []).map((row) => row[0] as number) as [
      number,
      number,
    ];
    const described = await page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    expect(described).toContain(`${DATASETS[0]} after task 2 (${DATASETS[1]}): ${percent(second)} %`);
    expect(described).toMatch(new RegExp(`${percent(second - first)} since it was learned$`));
    expect(await page.locator(".tip").textContent()).toBe(described);
    await page.keyboard.press("Control+End");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(
      percent(runs[3]?.accuracy.matrix[5]?.[5]),
    );
    await page.keyboard.press("Escape");
    expect(await page.locator(".tip").count()).toBe(0);
  });

  it("reads curves with the keyboard", async () => {
    const page = await open(several);
    const curve = page.getByRole("slider", { name: `Accuracy on ${DATASETS[1]} after each task` });
    await curve.focus();
    await page.keyboard.press("Home");
    expect(await curve.getAttribute("aria-valuetext")).toMatch(
      /^textures, before training, .*codyra 36\.0 %/,
    );
    await page.keyboard.press("ArrowRight");
    expect(await curve.getAttribute("aria-valuetext")).toContain(
      `codyra ${percent(runs[3]?.accuracy.matrix[0]?.[1])} %`,
    );
    expect(await page.locator(".tip li").count()).toBe(4);
  });

  it("reaches everything with the tab key", async () => {
    const page = await open(several);
    const reached = new Set<string>();
    for (let i = 0; i < 200; i++) {
      await page.keyboard.press("Tab");
      const key = await page.evaluate(
        () => document.activeElement?.closest("section")?.id ?? document.activeElement?.tagName,
      );
      if (key === "BODY") break;
      reached.add(key as string);
    }
    const all = ["results", "curves", "matrices", "ranks", "metrics", "loss", "cost", "configuration"];
    expect([...reached]).toEqual(expect.arrayContaining(["A", "SUMMARY", "BUTTON", ...all]));
  });

  it("hides a method everywhere, keeps the focus, and takes a seed of several", async () => {
    const again = readRun(
      writeRun(join(folder, "again"), { method: "codyra", seed: 1, holdOuts: ["cifar100"] }),
    );
    const path = join(folder, "seeds.html");
    writeReport([...runs, again], path);
    const page = await open(path);
    await page.getByRole("checkbox", { name: "show lora below" }).focus();
    await page.keyboard.press("Space");
    await page.waitForFunction(() => document.querySelectorAll("#loss figure").length === 2);
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe(
      "show lora below",
    );
    expect(await page.locator("summary").first().textContent()).toBe("Methods: 3 of 4");
    await page.getByLabel("Seed").selectOption("1");
    await page.waitForFunction(() => document.querySelectorAll("#matrices .panels > figure").length === 2);
    expect(await rowsOf(page, "#matrices .heat")).toEqual(
      [again.accuracy, again.accuracy.holdOuts ?? { matrix: [] }].flatMap(({ zeroShot, matrix }) =>
        [zeroShot as number[], ...matrix].map((row) => row.map(percent)),
      ),
    );
  });

  it("says what to do where no method is shown, and has no empty tables", async () => {
    const page = await open(several);
    await page.locator("summary", { hasText: "Methods" }).click();
    await page.getByRole("button", { name: "None" }).click();
    await page.waitForFunction(() => document.querySelector<HTMLElement>("#cost")?.hidden);
    expect(await page.getByText("No method is ticked").count()).toBe(1);
    expect(await page.locator("table:visible:not(:has(td))").count()).toBe(0);
    await page.getByRole("button", { name: "All" }).click();
    await page.waitForFunction(() => !document.querySelector<HTMLElement>("#cost")?.hidden);
    expect(await page.getByText("No method is ticked").count()).toBe(0);
  });

  it("shows what a guard found: limits, retrieval, and how an index drifts", async () => {
    const directory = writeRun(join(folder, "guarded"), { method: "codyra" });
    writeGuardRecord(directory, 0, guardRecord("digits", 0.95));
    writeGuardRecord(directory, 2, guardRecord("flags", 0.85));
    const path = join(folder, "guarded.html");
    writeReport([readRun(directory)], path);
    const page = await open(path);
    const section = page.locator("#guard");
    expect(await section.locator(".verdict").textContent()).toBe(
      "Limits are broken after flags. Advice after flags.",
    );
    const texts = (label: string) =>
      section
        .getByRole("region", { name: label })
        .locator("tr")
        .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
    expect(await texts("Limits of codyra")).toEqual([
      ["Measure", "Limit", "Before", "after digits", "after flags"],
      ["accuracy flowers", "−5.0", "50.0 %", "48.0 %", "48.0 %"],
      ["neighbours kept at 10", "", "100.0 %", "85.0 %", "75.0 %"],
      ["cosine index vectors", "≥ 0.900", "1.000", "0.950", "✗ 0.850"],
      ["size weights", "", "4.0 MB", "4.0 MB", "4.0 MB"],
    ]);
    expect(await texts("Retrieval of codyra")).toEqual([
      ["Measure", "Limit", "Before", "after digits", "after flags"],
      ["image-to-text recall@1", "", "40.0 %", "37.5 %", "37.5 %"],
      ["text-to-image recall@1", "", "30.0 %", "32.5 %", "32.5 %"],
    ]);
    const chart = page.getByRole("slider", { name: "An index over the tasks of codyra" });
    await chart.focus();
    await page.keyboard.press("Home");
    const read = await chart.getAttribute("aria-valuetext");
    expect(read).toMatch(/^after task 1 \(digits\), .*mean cosine 95\.0 %.*neighbours kept at 10 85\.0 %/);
    expect(await chart.locator("path.line").count()).toBe(4);
    expect(await lowestContrast(page)).toBeGreaterThanOrEqual(4.5);

    const without = await open(several);
    expect(await without.locator("#guard").isHidden()).toBe(true);
  });

  it("shows what codyra check found, as the section of a run does", async () => {
    const { dataset: _, ...found } = guardRecord("april", 0.85);
    const path = join(folder, "check.html");
    writeCheckReport({ new: "may", old: "april <b>", config: "guard.yaml", ...found }, path);
    const page = await openPage(path);
    await page.waitForSelector("#guard table");
    expect(await page.title()).toBe("may against april <b>");
    expect(await page.locator("header").textContent()).toContain(
      "Limits are broken: do not ship the new model.",
    );
    const rows = (label: string) => page.getByRole("region", { name: label }).locator("tr").allTextContents();
    expect(await rows("Limits of may")).toEqual([
      "MeasureLimitOldNew",
      "accuracy flowers−5.050.0 %48.0 %",
      "neighbours kept at 10100.0 %75.0 %",
      "cosine index vectors≥ 0.9001.000✗ 0.850",
      "size weights4.0 MB4.0 MB",
    ]);
    expect(await rows("Retrieval of may")).toContain("text-to-image recall@130.0 %32.5 %");
    expect(await rows("Neighbours that are still found")).toEqual([
      "Nearest neighboursQueries as they areQueries mapped",
      "165.0 %90.0 %",
      "1075.0 %95.0 %",
    ]);
    expect(await lowestContrast(page)).toBeGreaterThanOrEqual(4.5);
  });

  it("says when the metrics of a run that goes on will come", async () => {
    const going = readRun(writeRun(join(folder, "going"), { method: "codyra", tasks: 2 }));
    const path = join(folder, "going.html");
    writeReport([going], path);
    const page = await open(path);
    expect(await page.locator("#results p").textContent()).toMatch(/^The metrics come when/);
    expect(await page.locator("#matrices tbody tr").count()).toBe(3); // zero-shot, and two tasks
  });

  it("is light or dark like the system, or as the reader chooses; text stands out in both", async () => {
    const page = await open(several, { colorScheme: "dark" });
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await background()).toBe("rgb(18, 24, 31)");
    expect(await lowestContrast(page)).toBeGreaterThanOrEqual(4.5); // WCAG 2.2, level AA
    await page.getByRole("button", { name: "switch to light colours" }).click();
    expect(await background()).toBe("rgb(255, 255, 255)");
    expect(await lowestContrast(page)).toBeGreaterThanOrEqual(4.5);
    await page.reload();
    expect(await background()).toBe("rgb(255, 255, 255)");
  });

  it("fits a phone: only wide tables scroll, and by themselves", async () => {
    const page = await open(several, { viewport: { width: 360, height: 780 } });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await page.locator("summary", { hasText: "Methods" }).click();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    const [track, row] = await Promise.all(
      [".track", ".heat tbody th"].map((selector) => page.locator(selector).first().boundingBox()),
    );
    expect(track?.width).toBeGreaterThan(60); // wide enough to compare
    await page
      .locator("#matrices .scroll")
      .first()
      .evaluate((element) => element.scrollBy(200, 0));
    expect((await page.locator(".heat tbody th").first().boundingBox())?.x).toBe(row?.x);
  });

  it("prints in full, on white", async () => {
    const page = await open(several, { colorScheme: "dark" });
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(
      "rgb(255, 255, 255)",
    );
    expect(await page.locator(".toolbar").isVisible()).toBe(false);
    const cell = page.locator(".heat td").first(); // whose text may be white
    expect(await cell.evaluate((td) => getComputedStyle(td).printColorAdjust)).toBe("exact");
    await page.locator("#ranks .each figure").nth(5).waitFor();
  });

  it("interprets nothing that comes from the files", async () => {
    const evil = `"><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
    const hostile = readRun(
      writeRun(join(folder, "hostile"), {
        method: evil,
        datasets: [evil, "flags"],
        info: { config: { [evil]: evil }, gitRevision: evil },
      }),
    );
    const path = join(folder, "hostile.html");
    writeReport([hostile], path);
    const page = await open(path);
    expect(await page.title()).toBe(`${evil}, 2 datasets in a row`);
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.locator("script").count()).toBe(2);
  });

  it("opens fifty runs at once", async () => {
    const many = Array.from({ length: 10 }, (_, i) => i).flatMap((i) =>
      Array.from({ length: 5 }, (_, seed) => {
        const method = i === 0 ? "zero-shot" : `codyra-${i}`;
        return readRun(
          writeRun(join(folder, "many", `${method}-${seed}`), { method, seed, forgets: i / 100 }),
        );
      }),
    );
    const path = join(folder, "many.html");
    writeReport(many, path);
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    const began = performance.now();
    await page.goto(pathToFileURL(path).href);
    await page.waitForSelector(".results tbody tr");
    const readable = performance.now() - began;
    await page.waitForSelector("#configuration table");
    // Under a second on an idle machine; the rest is for one that is busy with other things.
    expect(readable).toBeLessThan(20_000);
    expect(performance.now() - began).toBeLessThan(40_000);
    expect(await page.locator(".results tbody tr").count()).toBe(10);
    const ranks = page.locator("#ranks .group").first();
    expect(await ranks.locator("figure").count()).toBe(1); // single tasks are drawn when asked for
    await ranks.getByText("Each task").click();
    await ranks.locator("figure").nth(DATASETS.length).waitFor();
  });
});

/** The lowest contrast ratio of any text against the background it is on. */
function lowestContrast(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    if (!canvas) throw new Error("no canvas");
    const rgba = (color: string): number[] => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (color: number[]): number => {
      const [r, g, b] = color.slice(0, 3).map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      }) as [number, number, number];
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const backgroundOf = (element: Element | null): number[] => {
      if (!element) return [255, 255, 255];
      const color = rgba(getComputedStyle(element).backgroundColor);
      return color[3] === 255 ? color : backgroundOf(element.parentElement);
    };
    const texts = [...document.querySelectorAll("main *, header *")].filter((element) =>
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim()),
    );
    const ratios = texts.map((element) => {
      const style = getComputedStyle(element);
      const color = element instanceof SVGElement ? style.fill : style.color;
      const [high, low] = [luminance(rgba(color)), luminance(backgroundOf(element))].sort(
        (a, b) => b - a,
      ) as [number, number];
      return (high + 0.05) / (low + 0.05);
    });
    return Math.min(...ratios);
  });
}

import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { launchChromium, needsChromium, problemsOf } from "../browser.js";
import { codyra, needsRealImages, realStream, startCodyra, temporaryFolder, writeConfig } from "./cli.js";

function startWatched(iterations: number): {
  directory: string;
  run: ReturnType<typeof startCodyra>;
  url: Promise<string>;
} {
  const folder = temporaryFolder();
  const directory = join(folder, "run");
  const stream = realStream({ options: { ...realStream().options, iterations } });
  const run = startCodyra("run", "--config", writeConfig(folder, stream), "--output", directory, "--watch");
  onTestFinished(() => {
    run.child.kill("SIGKILL");
  });
  const url = new Promise<string>((found, failed) => {
    let text = "";
    run.child.stderr?.on("data", (chunk) => {
      text += chunk;
      const match = /Watch +(http:\S+)/.exec(text);
      if (match) found(match[1] as string);
    });
    run.child.on("close", () => failed(new Error(text)));
  });
  return { directory, run, url };
}

async function untilBegun(directory: string): Promise<void> {
  while (!existsSync(join(directory, "run.json"))) await new Promise((resolve) => setTimeout(resolve, 50));
}

function ask(url: string, options: { path?: string; method?: string; host?: string } = {}) {
  const { path = "/", method = "GET", host } = options;
  return new Promise<{ status?: number; body: string }>((done, failed) => {
    const headers = host === undefined ? {} : { Host: host };
    const asked = request(new URL(path, url), { method, headers }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => done({ status: response.statusCode, body }));
    });
    asked.on("error", failed).end();
  });
}

describe("codyra run --watch", needsRealImages, () => {
  it("answers this machine under its own name only, and stops with the run", async () => {
    const { directory, run, url: found } = startWatched(100_000); // it does not end by itself
    const url = await found;
    const { port, hostname } = new URL(url);
    expect(hostname).toBe("127.0.0.1");
    await untilBegun(directory);
    expect((await ask(url)).status).toBe(200);
    expect((await ask(url, { host: `localhost:${port}` })).status).toBe(200);
    expect((await ask(url, { host: `rebound.example:${port}` })).status).toBe(403);
    expect((await ask(url, { path: "/run.json" })).status).toBe(404);
    expect((await ask(url, { method: "POST" })).status).toBe(405);
    const taken = await codyra(
      ...["run", "--config", join(directory, "../config.yaml"), "--watch-port", port],
    );
    expect(taken).toMatchObject({ code: 1, stdout: "" });
    expect(taken.stderr).toContain(`cannot listen on 127.0.0.1:${port} (EADDRINUSE)`);

    const events = await fetch(new URL("/events", url)); // its head is here: from now on it is told everything
    run.child.kill("SIGINT");
    const { code, stderr } = await run.outcome;
    expect(code, stderr).toBe(130);
    const last = (await events.text()).trim().split("\n\n").at(-1)?.replace("data: ", "") as string;
    expect(JSON.parse(last).live).toMatchObject({
      state: "stopped",
      message: expect.stringMatching(/^The run stopped\. To go on: codyra run .* --resume$/),
    });
  });

  it("shows the run as it goes on, and that it ended", needsChromium, async () => {
    // The browser is ready before the run begins, which lasts long enough to be watched even on a busy
    // machine.
    const browser = await launchChromium();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    const problems = problemsOf(page);
    const { directory, run, url } = startWatched(120);
    const opened = await url;
    await untilBegun(directory);
    await page.goto(opened);
    const said = page.getByRole("status");
    await said.getByText(/dataset \d of 3, \w+, iteration/).waitFor();
    const before = await page.locator("#matrices tbody tr").count();
    const hasMore = (n: number) => document.querySelectorAll("#matrices tbody tr").length > n;
    await page.waitForFunction(hasMore, before, { timeout: 120_000 }); // a task takes long on a busy machine
    const { code, stderr } = await run.outcome;
    expect(code, stderr).toBe(0);
    await said.getByText("The run is finished.").waitFor();
    const { matrix } = JSON.parse(readFileSync(join(directory, "matrix.json"), "utf8")) as {
      matrix: number[][];
    };
    const rows = page.locator("#matrices tbody tr");
    await rows.nth(3).waitFor();
    expect(await rows.nth(3).locator("td").allTextContents()).toEqual(
      matrix[2]?.map((value) => (100 * value).toFixed(1)),
    );
    await page.locator("#configuration table").first().waitFor(); // the page needs no server any more
    expect(problems).toEqual([]);
  });

  it("refuses what is not a port", async () => {
    const { code, stderr } = await codyra("run", "--config", "none.yaml", "--watch-port", "http");
    expect(code).toBe(2);
    expect(stderr).toContain("Expected a port from 0 to 65535.");
  });
});

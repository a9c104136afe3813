import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type DownloadModelOptions, downloadModel } from "../../lib/download/index.js";
import { serveHub } from "./hub.js";
import { sendFile, serve, someBytes, temporaryFolder } from "./server.js";

const repository = "owner/tiny-clip";
const miniature = join(import.meta.dirname, "../../assets/miniature-clip");
const model = new Map(readdirSync(miniature).map((name) => [name, readFileSync(join(miniature, name))]));
const bytes = [...model.values()].reduce((sum, content) => sum + content.length, 0);

/** Contents by name; short ones where the test does not read them. */
function files(...names: string[]): Map<string, Buffer> {
  return new Map(names.map((name, seed) => [name, model.get(name) ?? someBytes(100, seed)]));
}

function download(endpoint: string, directory: string, options: Partial<DownloadModelOptions> = {}) {
  return downloadModel(repository, { endpoint, directory, retryDelayMs: 1, ...options });
}

afterEach(() => vi.unstubAllEnvs());

describe("downloadModel", () => {
  it("fetches what a model needs, and leaves the rest of the repository", async () => {
    const hub = await serveHub({
      repository,
      files: new Map([
        ...model,
        ...files("README.md", ".gitattributes", "pytorch_model.bin", "flax_model.msgpack", "onnx/model.onnx"),
      ]),
    });
    const folder = temporaryFolder();
    const directory = join(folder, "models", "tiny");
    const seen: [number, number, string][] = [];
    const result = await download(hub.url, directory, { onProgress: (...args) => seen.push(args) });
    expect(result.directory).toBe(directory);
    expect(result.pickled).toBe(false);
    expect(result.files.map(({ path }) => path).sort()).toEqual([...model.keys()].sort());
    expect(hub.downloads()[0]).toBe("model.safetensors");
    expect(hub.downloads().at(-1)).toBe("config.json");
    expect(readdirSync(directory).sort()).toEqual([...model.keys()].sort());
    for (const [name, content] of model)
      expect(readFileSync(join(directory, name)).equals(content)).toBe(true);
    expect(readdirSync(join(folder, "models"))).toEqual(["tiny"]);
    expect(seen.at(-1)).toEqual([bytes, bytes, "config.json"]);
  });

  it("fetches nothing twice, and what has changed again", async () => {
    const changing = new Map(model);
    const hub = await serveHub({ repository, files: changing });
    const directory = join(temporaryFolder(), "tiny");
    await download(hub.url, directory);
    const before = hub.downloads().length;
    await download(hub.url, directory);
    expect(hub.downloads()).toHaveLength(before);

    const weights = someBytes(1000);
    changing.set("model.safetensors", weights);
    writeFileSync(join(directory, "notes.txt"), "mine");
    await download(hub.url, directory);
    expect(readFileSync(join(directory, "model.safetensors")).equals(weights)).toBe(true);
    expect(readFileSync(join(directory, "notes.txt"), "utf8")).toBe("mine");
    expect(existsSync(`${directory}.part`)).toBe(false);
  });

  it.each([
    [
      "timm's",
      { architecture: "vit_base_patch16_clip_224", num_classes: 512 },
      "open_clip_model.safetensors",
    ],
    ["transformers'", { model_type: "clip" }, "model.safetensors"],
  ])("takes the weights of the CLIP where config.json is %s", async (_, config, wanted) => {
    const names = [
      "model.safetensors",
      "open_clip_model.safetensors",
      "open_clip_config.json",
      "pytorch_model.bin",
    ];
    const content = new Map([...files(...names), ["config.json", Buffer.from(JSON.stringify(config))]]);
    const hub = await serveHub({ repository, files: content });
    const result = await download(hub.url, join(temporaryFolder(), "mixed"));
    const weights = result.files.map(({ path }) => path).filter((path) => /safetensors$|bin$/.test(path));
    expect(weights).toEqual([wanted]);
  });

  it("appears only when it is complete, and goes on where it was", async () => {
    const directory = join(temporaryFolder(), "tiny");
    const file = join(`${directory}.part`, "model.safetensors.part");
    let isBroken = true;
    const hub = await serveHub({
      repository,
      files: model,
      answer: (request, response, path) => {
        if (!isBroken || path !== "model.safetensors") return false;
        isBroken = false;
        sendFile(request, response, model.get(path)!, { drop: { after: 1_000_000, file } });
        return true;
      },
    });
    await expect(download(hub.url, directory, { retries: 0 })).rejects.toThrow(/connection broke/);
    expect(existsSync(directory)).toBe(false);
    await download(hub.url, directory);
    const ranges = hub.requests.filter(({ url }) => url?.endsWith(".safetensors"));
    expect(ranges[1]?.headers.range).toBe("bytes=1000000-");
    expect(readFileSync(join(directory, "model.safetensors")).equals(model.get("model.safetensors")!)).toBe(
      true,
    );
  });

  it.each(["model.safetensors", "config.json"])(
    "refuses a %s that differs from the hub's list",
    async (name) => {
      const other = someBytes(model.get(name)!.length);
      const hub = await serveHub({
        repository,
        files: model,
        answer: (request, response, path) => {
          if (path !== name) return false;
          sendFile(request, response, other);
          return true;
        },
      });
      const directory = join(temporaryFolder(), "tiny");
      await expect(download(hub.url, directory)).rejects.toThrow(
        /expected (SHA-256|git blob SHA-1) \w+, got \w+/,
      );
      expect(existsSync(directory)).toBe(false);
    },
  );

  it.each([
    [["model.safetensors", "pytorch_model.bin"], ["model.safetensors"], false],
    [
      [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
      ],
      [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
      ],
      false,
    ],
    [["pytorch_model.bin", "tf_model.h5"], ["pytorch_model.bin"], true],
    [["open_clip_pytorch_model.bin", "open_clip_model.safetensors"], ["open_clip_model.safetensors"], false],
  ])("of the weights %j takes %j", async (weights, taken, pickled) => {
    const hub = await serveHub({ repository, files: files(...weights, "config.json") });
    const result = await download(hub.url, join(temporaryFolder(), "tiny"));
    expect(result.files.map(({ path }) => path)).toEqual([...taken, "config.json"]);
    expect(result.pickled).toBe(pickled);
  });

  it("writes nowhere else, whatever paths the server names", async () => {
    const hostile = ["../config.json", "/tmp/config.json", "a/../../model.safetensors", "..\\vocab.json"];
    const hub = await serveHub({
      repository,
      files: new Map([...files("model.safetensors", "config.json"), ...files(...hostile)]),
    });
    const folder = temporaryFolder();
    await download(hub.url, join(folder, "a", "tiny"));
    expect(readdirSync(folder)).toEqual(["a"]);
    expect(readdirSync(join(folder, "a"))).toEqual(["tiny"]);
    expect(readdirSync(join(folder, "a", "tiny")).sort()).toEqual(["config.json", "model.safetensors"]);
  });

  it("knows endpoint, token and revision", async () => {
    const hub = await serveHub({
      repository,
      files: files("model.safetensors", "config.json"),
      revision: "refs/pr/1",
      token: "secret",
    });
    vi.stubEnv("HF_ENDPOINT", `${hub.url}/`);
    vi.stubEnv("HF_TOKEN", "wrong");
    const options = { directory: join(temporaryFolder(), "tiny"), revision: "refs/pr/1" };
    await expect(downloadModel(repository, options)).rejects.toThrow(
      /owner\/tiny-clip, revision refs\/pr\/1: .+ HTTP 401 .+ needs a token in HF_TOKEN\.$/,
    );
    vi.stubEnv("HF_TOKEN", "secret");
    expect((await downloadModel(repository, options)).files).toHaveLength(2);
  });

  it("follows the file list to no other host", async () => {
    const hub = await serve((_, response) => {
      response.setHeader("link", '<http://127.0.0.2/next>; rel="next"');
      response.end("[]");
    });
    await expect(download(hub.url, join(temporaryFolder(), "tiny"))).rejects.toThrow(
      "got http://127.0.0.2, which must not see the token",
    );
  });

  it.each([
    [
      "no config.json",
      ["model.safetensors"],
      /expected a model with a config\.json, found model\.safetensors\./,
    ],
    ["no weights", ["config.json"], /expected a model with weights .+, found config\.json\./],
    ["no files", [], /found no files/],
  ])("refuses a repository with %s", async (_, names, message) => {
    const hub = await serveHub({ repository, files: files(...names) });
    await expect(download(hub.url, join(temporaryFolder(), "tiny"))).rejects.toThrow(message);
  });

  it("refuses a server that is no hub", async () => {
    const page = await serve((_, response) => response.end("<html>"));
    await expect(download(page.url, join(temporaryFolder(), "tiny"))).rejects.toThrow(
      /expected the file list of a Hugging Face hub, got something else/,
    );
  });

  it("refuses a list of files without end, or of a size without end", async () => {
    const endless = await serve((request, response) => {
      response.setHeader("link", `<${endless.url}${request.url}>; rel="next"`).end("[]");
    });
    await expect(download(endless.url, join(temporaryFolder(), "tiny"))).rejects.toThrow(
      /expected a list of at most 100 pages, but the hub goes on after 0 files/,
    );
    expect(endless.requests).toHaveLength(100);
    const large = await serve((_, response) => response.end(Buffer.alloc(17 * 2 ** 20, " ")));
    await expect(download(large.url, join(temporaryFolder(), "tiny"))).rejects.toThrow(
      /expected at most 16777216 bytes, but the server sends more/,
    );
  });

  it.each(["clip", "../clip", "a/b/c", "https://huggingface.co/a/b", ""])(
    "refuses the name '%s'",
    async (name) => {
      await expect(downloadModel(name, { directory: temporaryFolder() })).rejects.toThrow(
        /expected a model as owner\/name/,
      );
    },
  );

  it("takes nothing along from an unfinished download of another revision", async () => {
    const hub = await serveHub({ repository, files: files("model.safetensors", "config.json") });
    const directory = join(temporaryFolder(), "tiny");
    mkdirSync(`${directory}.part`);
    writeFileSync(join(`${directory}.part`, "vocab.json"), "of an older revision");
    await download(hub.url, directory);
    expect(readdirSync(directory).sort()).toEqual(["config.json", "model.safetensors"]);
  });
});

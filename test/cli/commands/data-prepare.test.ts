import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { dataPrepareCommand } from "../../../lib/cli/commands/data-prepare.js";
import {
  type Archive,
  type DatasetId,
  datasetArchives,
  datasetDescriptors,
} from "../../../lib/data/index.js";
import type { PreparedDataset } from "../../../lib/experiment/prepare-dataset.js";
import { type TestEntry, tarFile, tarGzFile, zipFile } from "../../download/archives.js";
import { sendFile, serve, temporaryFolder } from "../../download/server.js";

// The command listens for signals as long as the process lives.
vi.mock("../../../lib/cli/interrupt.js", () => ({ abortOnInterrupt: () => new AbortController() }));

let root: string;
beforeEach(() => {
  root = temporaryFolder();
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

async function codyraPrepare(...args: string[]): Promise<string> {
  const written = vi.spyOn(process.stdout, "write").mockClear().mockReturnValue(true);
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  await dataPrepareCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parseAsync(["--root", root, ...args], { from: "user" });
  return written.mock.calls.map(([text]) => text).join("");
}

async function prepared(name: DatasetId, ...args: string[]): Promise<PreparedDataset> {
  const { ok, datasets } = JSON.parse(await codyraPrepare(name, "--json", ...args));
  expect(process.exitCode).toBe(ok ? 0 : 1);
  return datasets[0];
}

function statuses({ files }: PreparedDataset): Record<string, string> {
  return Object.fromEntries(files.map(({ names, status }) => [names[0], status]));
}

function put(path: string, content: Buffer | string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

function tree(folder = root): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

const dtd: readonly TestEntry[] = [
  { name: "dtd/images/banded/banded_0001.jpg", content: "an image" },
  { name: "dtd/labels/train1.txt", content: "banded/banded_0001.jpg" },
  { name: "dtd/imdb/imdb.mat", content: "not needed" },
];

describe("codyra data prepare", () => {
  it("says where every dataset is obtained", async () => {
    const text = await codyraPrepare();
    for (const [name, { page, licence }] of Object.entries(datasetDescriptors)) {
      expect(text).toContain(`${name}: `);
      expect(text).toContain(page);
      expect(text).toContain(`Licence: ${licence}.`);
    }
    expect(text).toContain(
      `missing     dtd-r1.0.1.tar.gz: --download fetches it, or put it at ${join(root, "dtd/dtd-r1.0.1.tar.gz")}`,
    );
    expect(text).toContain(
      `missing     ILSVRC2012_img_val.tar: get it from the page above and put it at ${join(root, "imagenet/images/ILSVRC2012_img_val.tar")}`,
    );
    expect(text).toMatch(/missing {5}split_zhou_EuroSAT\.json: get it from https:\S+CoOp\S+ and put it at/);
    expect(process.exitCode).toBe(0);
    expect(tree()).toEqual([]);
  });

  it.each(["dtd-r1.0.1.tar.gz", "dtd/dtd-r1.0.1.tar.gz"])(
    "unpacks %s, and then leaves it alone",
    async (place) => {
      put(place, tarGzFile(dtd));
      put("data_splits/split_zhou_DescribableTextures.json", "{}");
      expect(statuses(await prepared("dtd"))).toEqual({
        "dtd-r1.0.1.tar.gz": "unpacked",
        "split_zhou_DescribableTextures.json": "copied",
      });
      expect(tree(join(root, "dtd")).filter((path) => !path.endsWith(".gz"))).toEqual([
        "images/banded/banded_0001.jpg",
        "labels/train1.txt",
        "split_zhou_DescribableTextures.json",
      ]);
      put("dtd/labels/train1.txt", "mine");
      expect(statuses(await prepared("dtd"))).toEqual({
        "dtd-r1.0.1.tar.gz": "present",
        "split_zhou_DescribableTextures.json": "present",
      });
      expect(readFileSync(join(root, "dtd/labels/train1.txt"), "utf8")).toBe("mine");
    },
  );

  const archives: readonly [DatasetId, string, Buffer, readonly string[]][] = [
    [
      "aircraft",
      "fgvc-aircraft-2013b.tar.gz",
      tarGzFile(
        [
          "variants.txt",
          "images_variant_train.txt",
          "images_variant_val.txt",
          "images_variant_test.txt",
          "images/1.jpg",
        ].map((name) => ({ name: `fgvc-aircraft-2013b/data/${name}` })),
      ),
      ["fgvc_aircraft/variants.txt", "fgvc_aircraft/images/1.jpg"],
    ],
    [
      "caltech101",
      "caltech-101.zip",
      zipFile([
        {
          name: "caltech-101/101_ObjectCategories.tar.gz",
          content: tarGzFile([{ name: "101_ObjectCategories/ant/image_0001.jpg" }]),
        },
        { name: "caltech-101/Annotations.tar", content: tarFile([{ name: "Annotations/ant.mat" }]) },
      ]),
      ["caltech-101/101_ObjectCategories/ant/image_0001.jpg"],
    ],
    [
      "caltech101",
      "101_ObjectCategories.tar.gz",
      tarGzFile([{ name: "./101_ObjectCategories/ant/image_0001.jpg" }]),
      ["caltech-101/101_ObjectCategories/ant/image_0001.jpg"],
    ],
    [
      "eurosat",
      "EuroSAT.zip",
      zipFile([{ name: "2750/River/River_1.jpg" }]),
      ["eurosat/2750/River/River_1.jpg"],
    ],
    [
      "eurosat",
      "EuroSAT_RGB.zip",
      zipFile([{ name: "EuroSAT_RGB/River/River_1.jpg" }]),
      ["eurosat/2750/River/River_1.jpg"],
    ],
    [
      "places365",
      "filelist_places365-standard.tar",
      tarFile(["categories_places365.txt", "places365_val.txt", "big.txt"].map((name) => ({ name }))),
      ["places365/categories_places365.txt", "places365/places365_val.txt"],
    ],
    [
      "imagenet1k",
      "ILSVRC2012_img_train.tar",
      tarFile(
        ["n01440764", "n01443537"].map((wnid) => ({
          name: `${wnid}.tar`,
          content: tarFile([{ name: `${wnid}_1.JPEG` }]),
        })),
      ),
      [
        "imagenet/images/train/n01440764/n01440764_1.JPEG",
        "imagenet/images/train/n01443537/n01443537_1.JPEG",
      ],
    ],
    ["imagenet1k", "ILSVRC2012_img_val.tar", tarFile([{ name: "1.JPEG" }]), ["imagenet/images/val/1.JPEG"]],
    ["mnist", "train-labels-idx1-ubyte.gz", Buffer.from("gz"), ["MNIST/raw/train-labels-idx1-ubyte.gz"]],
  ];

  it.each(archives)("brings %s from %s into place", async (name, archive, content, expected) => {
    put(archive, content);
    const { files } = await prepared(name);
    const status = name === "mnist" ? "copied" : "unpacked";
    expect(files.find(({ names }) => names.includes(archive))?.status).toBe(status);
    expect(tree()).toEqual(expect.arrayContaining([...expected]));
    expect(tree().filter((path) => path.includes(".part") || path.includes(".lock"))).toEqual([]);
  });

  it("recognises a dataset in a layout of others", async () => {
    put("flowers-102/jpg/image_00001.jpg", "an image");
    expect(await prepared("flowers102")).toMatchObject({
      folder: join(root, "flowers-102"),
      layout: "torchvision",
      files: [],
    });
    expect(await codyraPrepare("flowers102")).toContain("layout of torchvision");
  });

  it("goes on after an archive that is damaged or unsafe, and exits with 1", async () => {
    put("annotations.tar.gz", tarGzFile([{ name: "annotations/../../evil" }]));
    put("images.tar.gz", tarGzFile([{ name: "images/a.jpg", content: "an image" }]).subarray(0, 40));
    put("split_zhou_OxfordPets.json", "{}");
    const result = await prepared("oxford_pets");
    expect(statuses(result)).toEqual({
      "annotations.tar.gz": "failed",
      "images.tar.gz": "failed",
      "split_zhou_OxfordPets.json": "copied",
    });
    expect(result.files[0]?.problem).toContain("'annotations/../../evil' is no path inside of it");
    expect(result.files[1]?.problem).toContain("images.tar.gz: expected a whole archive, but it is damaged");
    expect(tree(join(root, "oxford_pets"))).toEqual(["split_zhou_OxfordPets.json"]);
    expect(existsSync(join(root, "..", "evil"))).toBe(false);
    expect(await codyraPrepare("oxford_pets")).toMatch(
      /failed {6}images\.tar\.gz\n {14}\/\S+: expected a whole/,
    );
  });

  it("--download fetches and unpacks, and tells what could not be had", async () => {
    const content = tarGzFile(dtd);
    const { url, requests } = await serve((request, response) =>
      request.url === "/dtd.tar.gz" ? sendFile(request, response, content) : response.writeHead(404).end(),
    );
    const archive = datasetArchives.dtd.archives[0]?.anyOf[0] as {
      -readonly [K in keyof Archive]: Archive[K];
    };
    const original = { ...archive };
    try {
      Object.assign(archive, { url: `${url}/gone`, md5: createHash("md5").update(content).digest("hex") });
      expect((await prepared("dtd", "--download")).files[0]).toMatchObject({
        status: "failed",
        problem: `${url}/gone: expected the file, got HTTP 404 Not Found. Check the address.`,
      });
      archive.url = `${url}/dtd.tar.gz`;
      expect(statuses(await prepared("dtd", "--download"))).toMatchObject({
        "dtd-r1.0.1.tar.gz": "downloaded",
      });
      expect(statuses(await prepared("dtd", "--download"))).toMatchObject({ "dtd-r1.0.1.tar.gz": "present" });
      expect(requests).toHaveLength(2);
      expect(tree()).toEqual([
        "dtd/dtd-r1.0.1.tar.gz",
        "dtd/images/banded/banded_0001.jpg",
        "dtd/labels/train1.txt",
      ]);
    } finally {
      Object.assign(archive, original);
    }
  });

  it("refuses unknown datasets and a missing root as wrong usage", async () => {
    await expect(codyraPrepare("imagenet-22k")).rejects.toMatchObject({ name: "UsageError" });
    const command = dataPrepareCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => {} });
    await expect(command.parseAsync([], { from: "user" })).rejects.toMatchObject({ name: "CommanderError" });
  });
});

it("every archive that can be downloaded has a checksum, and places for what it holds", () => {
  const archives = Object.values(datasetArchives).flatMap(({ archives }) =>
    archives.flatMap(({ anyOf }) => anyOf),
  );
  for (const { name, url, md5, contents } of archives) {
    expect(md5 === undefined, name).toBe(url === undefined);
    if (md5 !== undefined) expect(md5, name).toMatch(/^[0-9a-f]{32}$/);
    const isArchive = /\.(tar|tgz|zip|tar\.gz)$/.test(name);
    expect(contents !== undefined, name).toBe(isArchive);
  }
});

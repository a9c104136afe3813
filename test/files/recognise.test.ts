import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { recognise } from "../../lib/files/index.js";

const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"4d".repeat(32)}\nsize 605247071\n`;

it.each<[string, Buffer, RegExp]>([
  ["a download that brought nothing", Buffer.alloc(0), /^an empty file$/],
  ["a clone without Git LFS", Buffer.from(pointer), /pointer of Git LFS/],
  ["a page of an error", Buffer.from("\n<!DOCTYPE html>\n<title>404</title>"), /^a web page/],
  ["an answer of a store", Buffer.from("<?xml version='1.0'?><Error>AccessDenied</Error>"), /^XML/],
  ["weights of Keras", Buffer.from("\x89HDF\r\n\x1a\n", "latin1"), /^HDF5/],
  ["weights of llama.cpp", Buffer.from("GGUF\x03\0\0\0", "latin1"), /^GGUF/],
  ["what is packed", gzipSync("weights"), /^a compressed file$/],
])("%s is known by its first bytes", (_, content, what) => {
  expect(recognise(content)?.what).toMatch(what);
});

it("knows nothing of JSON, text and numbers", () => {
  for (const content of ['{"model_type": "clip"}', "abc", "\x80\x02}q\x00."]) {
    expect(recognise(Buffer.from(content, "latin1"))).toBeUndefined();
  }
});

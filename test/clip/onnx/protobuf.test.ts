import { expect, it } from "vitest";
import { Message } from "../../../lib/clip/onnx/protobuf.js";

const bytesOf = (message: Message) => [...Buffer.concat([...message])];

it("writes the examples of the encoding's own documentation", () => {
  expect(bytesOf(new Message().int(1, 150))).toEqual([0x08, 0x96, 0x01]);
  expect(bytesOf(new Message().string(2, "testing"))).toEqual([0x12, 7, ...Buffer.from("testing")]);
  expect(bytesOf(new Message().bytes(3, new Message().int(1, 150)))).toEqual([0x1a, 3, 0x08, 0x96, 0x01]);
});

it("writes negative integers in ten bytes, and floats in four", () => {
  expect(bytesOf(new Message().int(1, -1))).toEqual([0x08, ...Array(9).fill(0xff), 0x01]);
  expect(bytesOf(new Message().float(2, 1.5))).toEqual([0x15, 0, 0, 0xc0, 0x3f]);
});

it("knows its length before bytes that come late are made", () => {
  let made = 0;
  const late = { byteLength: 300, make: () => new Uint8Array(300).fill(++made) };
  const message = new Message().bytes(5, new Message().bytes(9, late));
  expect([message.byteLength, made]).toEqual([306, 0]);
  expect(bytesOf(message)).toHaveLength(306);
  expect(made).toBe(1);
});

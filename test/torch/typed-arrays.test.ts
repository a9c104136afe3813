import { describe, expect, it } from "vitest";
import { bridge } from "../../lib/torch/bridge.js";
import { memoryStatistics, ones, type Tensor } from "../../lib/torch/index.js";

type Function = (...args: unknown[]) => unknown;
const native = () => bridge() as unknown as Record<string, Function>;

const others = [
  new Uint8Array(8),
  new Uint8Array(7),
  new Uint8ClampedArray(8),
  new Int8Array(8),
  new Uint16Array(4),
  new Int16Array(4),
  new Uint32Array(2),
  new Int32Array(2),
  new Float32Array(2),
  new BigInt64Array(1),
  new BigUint64Array(1),
  new DataView(new ArrayBuffer(8)),
  new ArrayBuffer(8),
  [1],
  {},
  "12345678",
  null,
  undefined,
];

describe("the addon reads a typed array only as what it is", () => {
  it.each(["releaseMany", "reportMemory"])("%s", (name) => {
    for (const wrong of others) expect(() => native()[name]!(wrong)).toThrow("expected a Float64Array");
    expect(native()[name]!(new Float64Array())).toBeUndefined();
    const detached = new Float64Array(4);
    structuredClone(detached, { transfer: [detached.buffer] });
    expect(native()[name]!(detached)).toBeUndefined();
  });

  it("decodeJpeg and resizeToSquare", () => {
    for (const wrong of others.filter((each) => !(each instanceof Uint8Array))) {
      expect(() => native().decodeJpeg!(wrong)).toThrow("expected a Uint8Array");
      expect(() => native().resizeToSquare!(wrong, 1, 1, 1, 0)).toThrow("expected a Uint8Array");
    }
  });

  it("shared and resizable memory", () => {
    const shared = new Float64Array(new SharedArrayBuffer(16));
    expect(native().releaseMany!(shared)).toBeUndefined();
    const bytes = new Uint8Array(new SharedArrayBuffer(12));
    expect(() => native().resizeToSquare!(bytes, 2, 2, 0, 0)).toThrow(/pixels from 1/);
  });
});

describe("nothing that runs JavaScript is asked between reading an argument and using it", () => {
  it("a handle is no object that says its number", () => {
    const tensor = ones([4]);
    const before = memoryStatistics().liveTensors;
    const sly = {
      valueOf() {
        for (let i = 0; i < 1000; i++) ones([1]);
        return (tensor as Tensor).handle;
      },
    };
    for (const name of ["shape", "strides", "dtype", "item", "isLeaf", "grad"]) {
      expect(() => native()[name]!(sly), name).toThrow(/must be Tensor/);
    }
    expect(() => native().setGrad!(tensor.handle, sly)).toThrow(/must be Tensor/);
    expect(() => native().isSameStorage!(tensor.handle, sly)).toThrow(/must be Tensor/);
    expect(() => native().setNumThreads!({ valueOf: () => 1 })).toThrow(/number of threads/);
    expect(() => native().generatorSeed!({ valueOf: () => 1 })).toThrow(/live Generator/);
    expect(memoryStatistics().liveTensors).toBe(before);
  });

  it("a shape whose getter detaches the bytes is read before them", () => {
    const bytes = new Uint8Array(1 << 16);
    const shape = Object.defineProperty([0], 0, {
      get() {
        structuredClone(bytes, { transfer: [bytes.buffer] });
        return 1 << 16;
      },
    });
    expect(() => native().fromBytes!(bytes, "uint8", shape)).toThrow(/got 0/);
  });

  it("an array of holes is refused by its length", () => {
    const holes = new Array(2 ** 32 - 1);
    for (const call of [
      () => native().fromBytes!(new Uint8Array(1), "uint8", holes),
      () => native().backward!(holes, [], undefined, false, []),
      () => native().writeArchive!("/nowhere", holes, []),
    ]) {
      expect(call).toThrow(/at most 16777216 elements/);
    }
  });

  it("an external is an object of its own kind", () => {
    for (const wrong of [null, {}, 1, new Uint8Array(8)]) {
      expect(() => native().cudaElapsedMs!(wrong, wrong)).toThrow(/expected a CUDA event/);
    }
  });
});

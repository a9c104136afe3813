import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as torch from "../../lib/torch/index.js";
import * as operators from "../../lib/torch/operators.generated.js";
import { emitMethods, emitOperators } from "../../scripts/generate/files.mjs";
import { parseSchema } from "../../scripts/generate/schema.mjs";
import { generate, readSchemas, readSections } from "../../scripts/generate-operators.mjs";
import { needs } from "../needs.js";

const { arange, scope, tensor } = torch;

describe("generated files", () => {
  const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  const source = readSchemas();
  const isSameRelease = read("lib/torch/operators.generated.ts")
    .split("\n")[0]
    ?.includes(`libtorch ${source.version}`);

  // Another release may have other schemas; the committed files belong to the pinned one.
  const needsRelease = needs(
    isSameRelease === true,
    "another libtorch than the pinned one",
    "unset LIBTORCH and LIBTORCH_USE_PYTORCH",
  );
  it("are what the generator writes for this libtorch", needsRelease, () => {
    for (const { path, content } of generate(source)) expect(read(path), path).toBe(content);
  });

  it("wrap at least 150 operators", () => {
    expect(Object.keys(operators).length).toBeGreaterThanOrEqual(150);
  });
});

/** What the generator writes for the overloads of one function, without the header and with single spaces. */
function emit(...schemas: string[]): string {
  const sections = [{ title: "Test", hasMethods: true, functions: [schemas.map(parseSchema)] }];
  return `${emitOperators(sections, "0")}\n${emitMethods(sections, "0")}`.replace(/\s+/g, " ");
}

describe("generator", () => {
  it("keeps a plain operator free of allocation and branches", () => {
    expect(emit("aten::mm(Tensor self, Tensor mat2) -> Tensor")).toContain(
      "export function mm(self: Tensor, mat2: Tensor): Tensor { return wrap(call(id(MM), handle(self), handle(mat2))); }",
    );
  });

  it("joins overloads that differ in one type and shares their options", () => {
    const code = emit(
      "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
      "aten::add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor",
    );
    expect(code).toContain(
      "function add(self: Tensor, other: Tensor | Scalar, options?: AddOptions): Tensor {",
    );
    expect(code).toContain(
      "if (other instanceof Tensor) return wrap(call(id(ADD_TENSOR), handle(self), handle(other), options?.alpha));",
    );
    expect(code).toContain(
      "add(this: Tensor, other: Tensor | Scalar, options?: operators.AddOptions): Tensor {",
    );
  });

  it("makes options of more than two defaults, and requires options that have none", () => {
    const norm =
      "aten::layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1e-05) -> Tensor";
    expect(emit(norm)).toContain(
      "layerNorm(input: Tensor, normalizedShape: readonly number[], options?: LayerNormOptions): Tensor",
    );
    const step = "codyra::step_(Tensor(a!) self, *, float lr, bool maximize=False) -> ()";
    expect(emit(step)).toContain(
      "interface StepOptions { lr: number; /** Default: false */ maximize?: boolean; }",
    );
    expect(emit(step)).toContain("export function step_(self: Tensor, options: StepOptions): void");
  });

  it("exports a reserved word under an alias", () => {
    expect(emit("aten::var(Tensor self) -> Tensor")).toContain("export { var_ as var };");
  });

  it("stops on a type, a form or an operator that it does not know", () => {
    expect(() => emit("aten::f(Tensor self, Storage source) -> Tensor")).toThrow(
      "type 'Storage' has no TypeScript form here",
    );
    expect(() => emit("aten::f(Tensor self) -> (Tensor, int)")).toThrow(
      "type 'int' has no TypeScript form here",
    );
    expect(() => emit("aten::f(Tensor a, ...) -> Tensor")).toThrow(
      "argument '...' has a form that parseSchema does not know",
    );
    expect(() => readSections("== All\nf", [])).toThrow("libtorch has no operator 'aten::f'");
  });

  it("stops when overloads cannot be told apart", () => {
    const overloads = [
      "aten::f.a(Tensor self, float x) -> Tensor",
      "aten::f.b(Tensor self, Scalar y) -> Tensor",
    ];
    expect(() => emit(...overloads)).toThrow("cannot be told apart");
  });
});

describe("generated functions", () => {
  const matrix = () =>
    tensor([
      [1, 2],
      [3, 4],
    ]);

  it("find the overload from the arguments", () => {
    scope(() => {
      const a = matrix();
      expect(torch.add(a, a, { alpha: 2 }).toArray()).toEqual([
        [3, 6],
        [9, 12],
      ]);
      expect(torch.add(a, 1, { alpha: 2 }).toArray()).toEqual([
        [3, 4],
        [5, 6],
      ]);
      expect(torch.max(a).item()).toBe(4);
      expect(torch.max(a, 0).map((t) => t.toArray())).toEqual([
        [3, 4],
        [1n, 1n],
      ]);
      expect(torch.max(a, torch.flip(a, [0, 1])).toArray()).toEqual([
        [4, 3],
        [3, 4],
      ]);
      expect(torch.div(a, 2, { roundingMode: "floor" }).toArray()).toEqual([
        [0, 1],
        [1, 2],
      ]);
      expect(torch.where(torch.gt(a, 2), a, 0).toArray()).toEqual([
        [0, 0],
        [3, 4],
      ]);
      expect(torch.pow(2, a).toArray()).toEqual([
        [2, 4],
        [8, 16],
      ]);
      expect(arange(1, 6, 2).toArray()).toEqual([1n, 3n, 5n]);
      expect(arange(3, { dtype: "float32" }).toArray()).toEqual([0, 1, 2]);
    });
  });

  it("take one number for a list of fixed length, and options by name", () => {
    scope(() => {
      const a = matrix();
      expect(torch.sum(a, 1).toArray()).toEqual([3, 7]);
      expect(torch.sum(a, [0, 1], true).toArray()).toEqual([[10]]);
      expect(torch.sum(a, { dtype: "float64" }).dtype).toBe("float64");
      const image = torch.ones([1, 1, 4, 4]);
      expect(torch.conv2d(image, torch.ones([1, 1, 2, 2]), { stride: 2 }).toArray()).toEqual([
        [
          [
            [4, 4],
            [4, 4],
          ],
        ],
      ]);
    });
  });

  it("are methods of a tensor", () => {
    scope(() => {
      const a = matrix();
      expect(a.mul(2).sum().item()).toBe(20);
      expect(a.max(1)[0].toArray()).toEqual([2, 4]);
      expect(a.view([4]).add_(1).toArray()).toEqual([2, 3, 4, 5]);
      expect(a.var(null, { correction: 0 }).item()).toBe(1.25);
    });
  });

  it("draw from the generator that they are given", () => {
    scope(() => {
      const draw = () => torch.randint(0, 1000, [8], { generator: torch.generator(7) }).toArray();
      expect(draw()).toEqual(draw());
    });
  });
});

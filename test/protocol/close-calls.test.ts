import { expect, test } from "vitest";
import { CloseCalls } from "../../lib/protocol/close-calls.js";
import { generator, randn, scope, type Tensor, tensor } from "../../lib/torch/index.js";

/** Asks for exact scores of rows, and remembers which. */
function exactly(exact: Tensor): { asked: number[]; ask: (rows: Tensor) => Tensor } {
  const asked: number[] = [];
  const ask = (rows: Tensor): Tensor => {
    asked.push(...(rows.toArray() as bigint[]).map(Number));
    return exact.indexSelect(0, rows);
  };
  return { asked, ask };
}

test("predicts what exact scores predict, and asks for few of them", () => {
  scope(() => {
    const exact = randn([400, 50], { generator: generator(3) });
    const rounded = exact.add(randn([400, 50], { generator: generator(4) }).mul(0.01));
    const { asked, ask } = exactly(exact);
    const calls = new CloseCalls();
    expect(calls.predict(rounded, ask).toArray()).toEqual(exact.argmax(1).toArray());
    const differing = Number(rounded.argmax(1).ne(exact.argmax(1)).sum().item());
    expect(differing).toBeGreaterThan(0);
    expect(calls.changed).toBe(differing);
    expect(asked.length).toBe(calls.confirmed);
    expect(new Set(asked).size).toBe(asked.length);
    expect(calls.confirmed).toBeLessThan(150);
  });
});

test("asks for more where a confirmed call moved further than the first ones", () => {
  scope(() => {
    // The four closest of 32 rows come first. They move little, and the fifth moves across a wide margin.
    const margins = Array.from({ length: 32 }, (_, i) => (i < 5 ? 0.01 + 0.01 * i : i));
    const rounded = tensor(margins.map((margin) => [margin, 0]));
    const exact = tensor(
      margins.map((margin, i) => (i < 4 ? [margin, 0.05] : i === 4 ? [margin, 4] : [margin, 0])),
    );
    const { asked, ask } = exactly(exact);
    const calls = new CloseCalls();
    calls.predict(rounded, ask);
    expect(asked).toEqual([0, 1, 2, 3, 4, 5, 6]); // margins up to 1.5 · 4
    expect([calls.confirmed, calls.changed]).toEqual([7, 5]);
    calls.predict(rounded, ask);
    expect(calls.confirmed).toBe(14); // what was seen holds for the next batch
  });
});

test("confirms many of the first images, a 32nd of all, and what is no number", () => {
  scope(() => {
    const exact = tensor(Array.from({ length: 32 }, () => [1, 0]));
    const calls = new CloseCalls();
    const confirmed = Array.from({ length: 40 }, () => {
      calls.predict(exact, exactly(exact).ask);
      return calls.confirmed;
    });
    expect(confirmed.slice(0, 6)).toEqual([4, 8, 12, 16, 16, 16]);
    expect(confirmed.slice(-2)).toEqual([39, 40]);

    const broken = exact.clone();
    broken.select(0, 9).fill_(Number.NaN);
    const all = exactly(exact);
    expect(new CloseCalls().predict(broken, all.ask).toArray()).toEqual(exact.argmax(1).toArray());
    expect(all.asked).toContain(9);
  });
});

test("compares how far scores moved per distance of the classes", () => {
  scope(() => {
    // Two classes that are near each other, and one far away.
    const classes = tensor([
      [1, 0],
      [0.995, 0.1],
      [0, -1],
    ]);
    const angles = Array.from({ length: 64 }, (_, i) => 0.05 + (i - 32) * 0.01);
    const features = (turn: number): Tensor =>
      tensor(angles.map((angle) => [Math.cos(angle + turn), Math.sin(angle + turn)]));
    const [rounded, exact] = [0.02, 0].map((turn) => features(turn).mm(classes.t())) as [Tensor, Tensor];
    const near = new CloseCalls();
    const expected = exact.argmax(1).toArray();
    expect(near.predict(rounded, exactly(exact).ask, classes).toArray()).toEqual(expected);
    const plain = new CloseCalls();
    expect(plain.predict(rounded, exactly(exact).ask).toArray()).toEqual(expected);
    expect(near.changed).toBe(2);
    expect(near.confirmed).toBeLessThan(plain.confirmed);
  });
});

test("does not take classes of the same vector for close calls", () => {
  scope(() => {
    const classes = tensor([
      [1, 0],
      [1, 0],
      [0, 1],
    ]);
    const scores = tensor(Array.from({ length: 64 }, () => [1, 1, 0]));
    const { asked, ask } = exactly(scores);
    expect(new Set(new CloseCalls().predict(scores, ask, classes).toArray())).toEqual(new Set([0n]));
    expect(asked.length).toBe(8);
  });
});

test("has nothing to confirm with one class", () => {
  scope(() => {
    const calls = new CloseCalls();
    const never = (): Tensor => {
      throw new Error("asked");
    };
    expect(calls.predict(tensor([[1], [2]]), never).toArray()).toEqual([0n, 0n]);
    expect(calls.confirmed).toBe(0);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AccuracyUnit, readMatrixFile } from "../../lib/records/index.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "codyra-matrix-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(text: string, unit?: AccuracyUnit) {
  const path = join(folder, "matrix.txt");
  writeFileSync(path, text);
  return readMatrixFile(path, { unit });
}

const expected = {
  datasets: ["a", "b"],
  matrix: [
    [0.5, 0.25],
    [0.75, 1],
  ],
};

describe("readMatrixFile", () => {
  it.each<[string, string]>([
    ["JSON in percent", '{"datasets": ["a", "b"], "matrix": [[50, 25], [75, 100]]}'],
    ["JSON in fractions", '{"datasets": ["a", "b"], "matrix": [[0.5, 0.25], [0.75, 1]]}'],
    ["CSV", "a,b\n50,25\n75,100\n"],
    ["CSV with a byte order mark, CRLF, blanks and an empty line", "\uFEFFa , b\r\n50, 25\r\n\r\n75,100"],
    ["CSV with a task column", "task,a,b\na,50,25\nb,75,100\n"],
    ["CSV with an unnamed column of task numbers", ",a,b\n1,0.5,0.25\n2,0.75,1\n"],
    ["CSV with quotes", '"a","b"\n"50","25"\n75,100\n'],
  ])("reads %s", (_, text) => {
    expect(read(text)).toEqual(expected);
  });

  it("keeps commas, quotes and markup in quoted names", () => {
    expect(read('"cats, dogs","the ""big"" one"\n1,1\n1,1').datasets).toEqual([
      "cats, dogs",
      'the "big" one',
    ]);
  });

  it("converts zero-shot accuracy along with the matrix", () => {
    expect(read('{"datasets": ["a"], "matrix": [[50]], "zeroShot": [25]}').zeroShot).toEqual([0.25]);
  });

  it("reads hold-outs, any number of them, in the unit of the matrix", () => {
    const stream = '"datasets": ["a"], "matrix": [[0.5]]';
    const holdOuts = '{"datasets": ["x", "y"], "matrix": [[25, 75]], "zeroShot": [10, 20]}';
    expect(read(`{${stream}, "holdOuts": ${holdOuts}}`)).toEqual({
      datasets: ["a"],
      matrix: [[0.005]],
      holdOuts: { datasets: ["x", "y"], matrix: [[0.25, 0.75]], zeroShot: [0.1, 0.2] },
    });
  });

  it.each<[string, string, RegExp]>([
    ["a missing row", '{"datasets": ["x"], "matrix": []}', /holdOuts: expected 1 rows, .* got 0\. Test the/],
    ["a ragged row", '{"datasets": ["x", "y"], "matrix": [[1]]}', /holdOuts: row 1: expected 2 accuracies/],
    [
      "a negative value",
      '{"datasets": ["x"], "matrix": [[-1]]}',
      /holdOuts: row 1, column 1 \(x\): .* got -1/,
    ],
    ["no names", '{"matrix": [[1]]}', /holdOuts: not an accuracy matrix/],
  ])("refuses hold-outs with %s", (_, holdOuts, message) => {
    expect(() => read(`{"datasets": ["a"], "matrix": [[1]], "holdOuts": ${holdOuts}}`)).toThrow(message);
  });

  it("reads tables that Excel saved as Unicode text", () => {
    const path = join(folder, "unicode.csv");
    writeFileSync(path, "\ufeffrosé\n50", "utf16le");
    expect(readMatrixFile(path)).toMatchObject({ datasets: ["rosé"], matrix: [[0.5]] });
  });

  it("takes the unit it is told", () => {
    expect(read("a\n0.5", "percent").matrix).toEqual([[0.005]]);
    expect(() => read("a\n50", "fraction")).toThrow(
      /row 1, column 1 \(a\): expected an accuracy from 0 to 1 .*got 50\. .*--unit/,
    );
  });

  it.each<[string, string, RegExp]>([
    ["too few rows", "a,b,c\n1,1,1\n1,1,1", /not square: expected 3 rows .* got 2\. Give the rows/],
    ["too many rows", "a\n1\n1", /not square: expected 1 rows .* got 2\. Remove rows/],
    ["a ragged row", "a,b\n1,1\n1", /row 2: expected 2 accuracies, one per dataset, got 1\./],
    ["a word", "a,b\n1,1\n1,good", /row 2, column 2 \(b\): expected a number, got "good"/],
    ["an empty cell", "a,b\n1,\n1,1", /row 1, column 2 \(b\): expected a number, got ""/],
    ["null", '{"datasets": ["a"], "matrix": [[null]]}', /row 1, column 1 \(a\): expected a number, got null/],
    ["a negative value", "a\n-1", /row 1, column 1 \(a\): expected an accuracy from 0 to 1 .* got -1/],
    ["more than 100 percent", "a\n101", /expected an accuracy from 0 to 100 \(unit percent\), got 101/],
    ["repeated names", "a,a\n1,1\n1,1", /columns 1 and 2 are both named "a"/],
    ["an empty name", 'a,""\n1,1\n1,1', /dataset 2: expected a name, got ""/],
    ["no header", "50,40\n45,80", /row 1: expected dataset names, got numbers \(50, 40\)/],
    ["an empty file", "", /expected a header row .* got an empty file/],
    ["other JSON", "[1, 2]", /not an accuracy matrix: expected an object/],
    ["broken JSON", '{"datasets": [', /not valid JSON/],
  ])("refuses %s", (_, text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(folder);
  });

  it("refuses a file that is not there", () => {
    expect(() => readMatrixFile(join(folder, "none.json"))).toThrow(/none\.json: cannot read .*ENOENT/);
  });
});

import { expect, it } from "vitest";
import { classNameWarnings, damagedNameWarnings, withoutNumbers } from "../../../lib/data/sources/names.js";

const named = (...labels: string[]) => {
  const names = withoutNumbers(labels);
  return names && [...names.values()];
};

it("takes off numbers that number the classes", () => {
  expect(named("001.Black_footed_Albatross", "200.Common_Yellowthroat")).toEqual([
    "Black footed Albatross",
    "Common Yellowthroat",
  ]);
  expect(named("0_cat", "1_dog")).toEqual(["cat", "dog"]);
  expect(named("2-dog", "1-cat", "3-bird")).toEqual(["dog", "cat", "bird"]);
});

it("leaves numbers that say something", () => {
  expect(named("100_km-h_speed_limit_sign", "20_km-h_speed_limit_sign")).toBeUndefined();
  expect(named("3_musketeers", "7_up")).toBeUndefined();
  expect(named("1_euro", "2_euro")).toBeUndefined(); // both would be the same class
  expect(named("01_cat", "dog")).toBeUndefined();
  expect(named()).toBeUndefined();
});

it.each(["nan", "NaN", "null", "None", "N/A", "#N/A", "<NA>", "NaT", "undefined"])(
  "warns of %s, which tables write for nothing",
  (name) => {
    expect(classNameWarnings(["cat", name])).toEqual([
      `1 of 2 class names stand for a missing value in tables, such as "${name}", and prompts would say so. ` +
        "Leave such images out, or give the names with classes: { label: name }.",
    ]);
  },
);

it("warns of names that a program damaged, and of no others", () => {
  expect(damagedNameWarnings(["ros\ufffd", "cat\u001b[31m", "rosé"])).toEqual([
    '2 of 3 class names have a control character or a lost letter, such as "ros\ufffd", "cat\\x1b[31m", and prompts would say so. ' +
      "Give the names with classes: { label: name }.",
  ]);
  expect([...classNameWarnings(["nana", "nonesuch", "naan"]), ...damagedNameWarnings(["мак"])]).toEqual([]);
});

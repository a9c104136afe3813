import { expect, it } from "vitest";
import { withoutNumbers } from "../../../lib/data/sources/names.js";

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

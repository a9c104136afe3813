import { expect, it } from "vitest";
import { shownOn } from "../../../lib/cli/output/print.js";

it("shows control characters of names on a terminal, and passes them on to other programs", () => {
  const text = "\x1b[1mTitle\x1b[0m\nrose\x1b]0;owned\x07\r\u202ecte\n\x1b[2J";
  const terminal = { isTTY: true };
  expect(shownOn(terminal, text)).toBe(
    "\x1b[1mTitle\x1b[0m\nrose\\x1b]0;owned\\x07\\x0d\\u202ecte\n\\x1b[2J",
  );
  expect(shownOn({}, text)).toBe(text);
});

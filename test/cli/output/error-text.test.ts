import { mkdirSync } from "node:fs";
import { expect, it } from "vitest";
import { errorText } from "../../../lib/cli/output/error-text.js";

/** An error as Node raises it. */
function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: refused, mkdir '/runs'`), {
    code,
    path: "/runs",
    syscall: "mkdir",
  });
}

it.each([
  ["EROFS", "/runs: expected to mkdir it, but its file system is read-only (EROFS). Choose another place,"],
  ["EACCES", "/runs: expected to mkdir it, but this user may not (EACCES). Choose another place,"],
])("says what to do where the system refuses with %s", (code, message) => {
  expect(errorText(systemError(code))).toContain(message);
});

it("leaves every other message as it is", () => {
  expect(errorText(new Error("expected a, got b. Give a."))).toBe("expected a, got b. Give a.");
  expect(() => mkdirSync("/proc/self")).toThrow(
    expect.toSatisfy((error) => errorText(error) === (error as Error).message),
  );
});

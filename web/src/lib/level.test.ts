import { expect, test } from "vitest";
import { findLevel, levelOf } from "./level";

test.each([
  ["ERROR", "error"],
  ["Warning", "warn"],
  ["fatal", "critical"],
  ["notice", "info"],
  ["dbug", "debug"],
  ["", "unknown"],
  ["constructor", "unknown"],
])("%s is %s", (text, level) => expect(levelOf(text)).toBe(level));

test("the server's own detection wins over other fields", () => {
  expect(findLevel({ detected_level: "warn" }, { level: "error" })).toBe("warn");
  expect(findLevel({}, { severity: "crit" })).toBe("critical");
  expect(findLevel({}, {})).toBe("unknown");
});

import { expect, test } from "vitest";
import { MATCHES_PER_LINE_MAX } from "@/limits";
import { linePieces } from "./lineText";

const textOf = (line: string, ...needles: RegExp[]) => linePieces(line, needles);

test("markup is text", () => {
  expect(textOf("<script>alert(1)</script>")).toEqual([{ text: "<script>alert(1)</script>" }]);
});

test("NUL, DEL and reordering characters are made visible", () => {
  expect(textOf("a\0b\x7f\u202ec")).toEqual([
    { text: "a" },
    { text: "^@", mark: "U+0000" },
    { text: "b" },
    { text: "^?", mark: "U+007F" },
    { text: "‹202E›", mark: "U+202E" },
    { text: "c" },
  ]);
});

test("tab, line feed, emoji with joiners and other scripts stay as they are", () => {
  const line = "a\tb\nc 👩‍💻 שלום می‌خواهم 日本";
  expect(textOf(line)).toEqual([{ text: line }]);
});

test("matches are marked, also across a change of colour", () => {
  expect(textOf("\x1b[31mfo\x1b[0mo bar", /foo/g)).toEqual([
    { text: "fo", style: { color: "var(--ansi-red)" }, match: true },
    { text: "o", match: true },
    { text: " bar" },
  ]);
});

test("escape sequences can be shown instead of followed", () => {
  expect(linePieces("\x1b[31mred", [], true)).toEqual([{ text: "^[", mark: "U+001B" }, { text: "[31mred" }]);
});

test("overlapping needles make one mark; empty matches none", () => {
  expect(textOf("abcdef", /abc/g, /cd/g, /x*/g)).toEqual([{ text: "abcd", match: true }, { text: "ef" }]);
});

test("the number of marks in a line is bounded", () => {
  expect(textOf("ab".repeat(10_000), /a/g).filter((piece) => piece.match)).toHaveLength(MATCHES_PER_LINE_MAX);
});

test("the pieces of a line without marks give the line back", () => {
  const line = "x".repeat(50) + " needle " + "y".repeat(50);
  expect(
    textOf(line, /needle/g, /y{3}/g)
      .map((piece) => piece.text)
      .join(""),
  ).toBe(line);
});

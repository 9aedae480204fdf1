import { expect, test } from "vitest";
import { readAnsi } from "./ansi";

test("a line without escapes is itself", () => {
  expect(readAnsi("plain [31m text")).toEqual({ text: "plain [31m text", spans: [] });
});

test("colours become spans over the plain text", () => {
  expect(readAnsi("a \x1b[1;31mred\x1b[0m b")).toEqual({
    text: "a red b",
    spans: [{ from: 2, to: 5, style: { bold: true, color: "var(--ansi-red)" } }],
  });
});

test("256 colours, true colours, and their colon form", () => {
  expect(readAnsi("\x1b[38;5;196mx").spans[0]?.style.color).toBe("rgb(255 0 0)");
  expect(readAnsi("\x1b[48;5;244mx").spans[0]?.style.background).toBe("rgb(128 128 128)");
  expect(readAnsi("\x1b[38;2;1;2;3mx").spans[0]?.style.color).toBe("rgb(1 2 3)");
  expect(readAnsi("\x1b[38:5:9mx").spans[0]?.style.color).toBe("var(--ansi-bright-red)");
});

test("values out of range colour nothing and swallow nothing", () => {
  expect(readAnsi("\x1b[38;2;999;2;3;4mx")).toEqual({
    text: "x",
    spans: [{ from: 0, to: 1, style: { underline: true } }],
  });
  expect(readAnsi("\x1b[999mx")).toEqual({ text: "x", spans: [] });
});

test("cursor movements and titles are taken out, a lone ESC stays", () => {
  expect(readAnsi("a\x1b[2Jb\x1b]0;title\x07c\x1b[10;5Hd").text).toBe("abcd");
  expect(readAnsi("a\x1b\x01b").text).toBe("a\x1b\x01b");
});

test("codes that end one attribute keep the others", () => {
  const { spans } = readAnsi("\x1b[1;4;32mx\x1b[24;39my");
  expect(spans.map((span) => span.style)).toEqual([
    { bold: true, underline: true, color: "var(--ansi-green)" },
    { bold: true },
  ]);
});

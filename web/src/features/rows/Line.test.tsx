import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { Line } from "./Line";

const html = (line: string, needles: RegExp[] = [], charsMax = 1_000) =>
  renderToStaticMarkup(<Line line={line} needles={needles} charsMax={charsMax} />);

test("markup in a line never becomes markup of the page", () => {
  expect(html('<img src=x onerror="alert(1)">')).toBe("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;");
  expect(html("\x1b[31m<b>\x1b[0m", [/b/g])).not.toMatch(/<b>|<b /);
});

test("colours are style properties with values that the line cannot choose freely", () => {
  expect(html("\x1b[38;2;1;2;3;4mx")).toBe('<span style="color:rgb(1 2 3);text-decoration:underline">x</span>');
  expect(html("\x1b[38;5;url(x)mx")).not.toContain("url(x)m");
});

test("matches and controls are marked", () => {
  expect(html("a needle\0", [/needle/g])).toBe('a <mark>needle</mark><span class="control" title="U+0000">^@</span>');
});

test("a long line is cut, and says so", () => {
  const shown = html("x".repeat(5_000), [], 100);
  expect(shown).toMatch(/^x{100}<span class="cut">100 B of 4\.9 KiB shown<\/span>$/);
});

import { expect, test } from "vitest";
import { decodeStreams, type Row } from "@/api/rows";
import { TAIL_PAUSED_ROWS_MAX, TAIL_ROWS_MAX } from "@/limits";
import { allowance, clear, EMPTY_BUFFER, isFull, pause, receive, resume } from "./tailBuffer";

const rows = (from: number, count: number): Row[] =>
  decodeStreams([
    { stream: {}, values: Array.from({ length: count }, (_, i) => [String(from + i), `line ${from + i}`]) },
  ]);

test("pausing loses nothing and counts what waits", () => {
  let buffer = receive(EMPTY_BUFFER, rows(0, 3), 0);
  buffer = receive(pause(buffer), rows(3, 2), 4);
  expect([buffer.shown.length, buffer.waiting.length, buffer.dropped]).toEqual([3, 2, 4]);
  buffer = resume(buffer);
  expect(buffer.shown.map((row) => row.line)).toEqual(["line 0", "line 1", "line 2", "line 3", "line 4"]);
  expect(buffer.waiting).toEqual([]);
});

test("what is shown is bounded, the newest kept", () =>
  expect(receive(EMPTY_BUFFER, rows(0, TAIL_ROWS_MAX + 5), 0).shown.at(0)?.line).toBe("line 5"));

test("what waits is kept whole, and says when it is enough", () => {
  const some = receive(pause(EMPTY_BUFFER), rows(0, TAIL_PAUSED_ROWS_MAX - 1), 0, 1);
  expect([some.waiting.length, isFull(some)]).toEqual([TAIL_PAUSED_ROWS_MAX - 1, false]);
  const enough = receive(some, rows(0, 5), 0, 1);
  expect([enough.waiting.length, enough.leftOut, isFull(enough)]).toEqual([TAIL_PAUSED_ROWS_MAX + 4, 0, true]);
});

test("a limit of speed shows the newest and counts the others", () => {
  const limited = receive(EMPTY_BUFFER, rows(0, 10), 0, 3);
  expect(limited.shown.map((row) => row.line)).toEqual(["line 7", "line 8", "line 9"]);
  expect(receive(limited, rows(10, 5), 0, 3).leftOut).toBe(9);
});

test("clearing keeps it paused", () =>
  expect(clear(pause(receive(EMPTY_BUFFER, rows(0, 3), 1)))).toEqual({ ...EMPTY_BUFFER, paused: true }));

test("the limit holds over time: what was not used is kept, for a second at most", () => {
  expect(allowance(0, 1_000, 120)).toBe(120);
  expect(allowance(900, 1_000, 500)).toBe(1_000);
  expect(allowance(0, 50, 10_000)).toBe(50);
});

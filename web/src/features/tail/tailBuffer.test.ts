import { expect, test } from "vitest";
import { decodeStreams, type Row } from "@/api/rows";
import { TAIL_PAUSED_ROWS_MAX, TAIL_ROWS_MAX } from "@/limits";
import { clear, EMPTY_BUFFER, pause, receive, resume } from "./tailBuffer";

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

test("both lists are bounded, newest kept, the rest counted while paused", () => {
  expect(receive(EMPTY_BUFFER, rows(0, TAIL_ROWS_MAX + 5), 0).shown.at(0)?.line).toBe("line 5");
  const paused = receive(pause(EMPTY_BUFFER), rows(0, TAIL_PAUSED_ROWS_MAX + 5), 0);
  expect([paused.waiting.length, paused.skipped]).toEqual([TAIL_PAUSED_ROWS_MAX, 5]);
});

test("clearing keeps it paused", () =>
  expect(clear(pause(receive(EMPTY_BUFFER, rows(0, 3), 1)))).toEqual({ ...EMPTY_BUFFER, paused: true }));

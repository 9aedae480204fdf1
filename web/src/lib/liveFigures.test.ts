import { expect, test } from "vitest";
import { addSample, course, SAMPLES_MAX, type Sample } from "./liveFigures";

const at = (atMs: number, figures: Record<string, number>): Sample => ({ atMs, figures });

test("what only counts up is shown as a rate, other figures as they are", () => {
  const samples = [at(0, { "a.rows_total": 10, "a.rows": 5 }), at(5_000, { "a.rows_total": 20, "a.rows": 7 })];
  expect(course(samples, "a.rows_total")).toEqual([{ atMs: 5_000, value: 2 }]);
  expect(course(samples, "a.rows").map(({ value }) => value)).toEqual([5, 7]);
  expect(course(samples, "constructor")).toEqual([]);
});

test("a restart of the server is no negative rate", () => {
  const samples = [at(0, { n_total: 100 }), at(1_000, { n_total: 3 }), at(2_000, { n_total: 5 })];
  expect(course(samples, "n_total")).toEqual([{ atMs: 2_000, value: 2 }]);
});

test("only so many are kept", () => {
  let samples: Sample[] = [];
  for (let i = 0; i < SAMPLES_MAX + 5; i++) samples = addSample(samples, at(i, {}));
  expect([samples.length, samples[0]?.atMs]).toEqual([SAMPLES_MAX, 5]);
});

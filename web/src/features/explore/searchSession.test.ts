import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { decodeRow } from "@/api/rows";
import { search, type SearchEvent, type SearchRequest } from "@/api/search";
import { PAGE_ROWS } from "@/limits";
import { SearchSession, type Question } from "./searchSession";

vi.mock("@/api/search");

const row = (n: number): SearchEvent => ({
  type: "row",
  row: decodeRow({ id: `${n}-0000000000000001`, labels: {}, line: String(n), fields: {} }),
});
const rows = (from: number, count: number, step = 1) => Array.from({ length: count }, (_, i) => row(from + i * step));
const counted = (n: number): SearchEvent => ({ type: "histogram", buckets: [{ startMs: 0, counts: { info: n } }] });

const question: Question = {
  query: "q",
  base: "q",
  start: "0",
  end: "9",
  direction: "backward",
  bars: { startMs: 0, stepMs: 1_000, count: 2 },
  isSet: false,
  row: undefined,
};

/* What the server answers, question by question; `gate` holds an answer back until it is opened. */
type Script = (SearchEvent | Promise<void>)[];
let asked: (SearchRequest & { wanted: string })[];
function answer(...scripts: Script[]) {
  asked = [];
  vi.mocked(search).mockImplementation(async function* (request, wanted, _, signal) {
    const script = scripts[asked.length] ?? [];
    asked.push({ ...request, wanted });
    for (const one of script) {
      if (one instanceof Promise) await one;
      else yield one;
      if (signal.aborted) throw new DOMException("aborted", "AbortError");
    }
  });
}
function gate(): [Promise<void>, () => void] {
  let open!: () => void;
  return [new Promise<void>((resolve) => (open = resolve)), open];
}

const lines = (session: SearchSession) => session.snapshot().window.rows.map((one) => one.line);
const tick = () => vi.advanceTimersByTimeAsync(200);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("rows and counts are shown while the rest is still asked", async () => {
  const [closed, open] = gate();
  answer([row(9), counted(2), { type: "progress", done: 0.5, rowsScanned: 5, bytes: 50 }, closed, row(8), counted(3)]);
  const session = new SearchSession();
  const run = session.run(question, false);
  await tick();
  expect(lines(session)).toEqual(["9"]);
  expect(session.snapshot()).toMatchObject({ running: true, answered: true, done: 0.5, volume: { total: 2 } });
  open();
  await run;
  expect(lines(session)).toEqual(["9", "8"]);
  expect(session.snapshot()).toMatchObject({ running: false, done: 1, volume: { total: 5 } });
  expect(asked).toMatchObject([{ wanted: "both", limit: PAGE_ROWS }]);
});

test("with a level filter the histogram still shows all levels", async () => {
  answer([row(9)], [counted(7)]);
  const session = new SearchSession();
  await session.run({ ...question, query: "q | level" }, false);
  expect(asked).toMatchObject([
    { wanted: "rows", query: "q | level" },
    { wanted: "histogram", query: "q" },
  ]);
  expect(session.snapshot().volume?.total).toBe(7);
});

test("the answer before stays until there is something in its place, and is marked", async () => {
  const [closed, open] = gate();
  answer([row(9)], [closed, row(5)]);
  const session = new SearchSession();
  await session.run(question, false);
  const run = session.run({ ...question, query: "other", base: "other" }, false);
  await tick();
  expect([lines(session), session.snapshot().stale]).toEqual([["9"], true]);
  open();
  await run;
  expect([lines(session), session.snapshot().stale]).toEqual([["5"], false]);
});

test("a repetition is shown when it is complete", async () => {
  const [closed, open] = gate();
  answer([row(9), row(8)], [row(10), closed, row(9)]);
  const session = new SearchSession();
  await session.run(question, false);
  const run = session.run(question, true);
  await tick();
  expect([lines(session), session.snapshot().stale]).toEqual([["9", "8"], false]);
  open();
  await run;
  expect(lines(session)).toEqual(["10", "9"]);
});

test("cancelling keeps what was found and stops the stream; a late answer changes nothing", async () => {
  const [closed, open] = gate();
  answer([row(9), closed, row(8)]);
  const session = new SearchSession();
  const run = session.run(question, false);
  await tick();
  session.cancel();
  open();
  await run;
  await tick();
  expect(lines(session)).toEqual(["9"]);
  expect(session.snapshot()).toMatchObject({ running: false, cancelled: true, error: null });
});

test("an error keeps what was found", async () => {
  answer([row(9), Promise.reject(new Error("cut"))]);
  const session = new SearchSession();
  await session.run(question, false);
  expect(lines(session)).toEqual(["9"]);
  expect(session.snapshot()).toMatchObject({ running: false, error: { message: "cut" } });
});

test("pages go on behind the rows at the ends, in both directions", async () => {
  answer(rows(5_000, PAGE_ROWS, -1), [row(3), row(2)], rows(9_000, PAGE_ROWS, -1), [], rows(0, PAGE_ROWS));
  const session = new SearchSession();
  await session.run(question, false);
  await session.more("below");
  expect(asked[1]).toMatchObject({ wanted: "page", direction: "backward", cursor: "4001-0000000000000001" });
  expect(lines(session).slice(-2)).toEqual(["3", "2"]);
  await session.more("below");
  expect(asked).toHaveLength(2);
  expect(session.jumpTo("below")).toBe(false);
});

test("a jump replaces the window, and rows above it can be asked for", async () => {
  answer(rows(5_000, PAGE_ROWS, -1), rows(0, PAGE_ROWS), rows(1_000, 2));
  const session = new SearchSession();
  await session.run(question, false);
  expect(session.jumpTo("below")).toBe(true);
  await tick();
  expect(asked[1]).toMatchObject({ direction: "forward" });
  expect([lines(session)[0], lines(session).at(-1), session.snapshot().target?.line]).toEqual(["999", "0", "0"]);
  await session.more("above");
  expect(asked[2]).toMatchObject({ direction: "forward", cursor: "999-0000000000000001" });
  expect(lines(session).slice(0, 3)).toEqual(["1001", "1000", "999"]);
});

test("a permalink asks for the rows on both sides of it", async () => {
  answer([counted(9)], [row(6), row(5)], [row(7), row(8)]);
  const session = new SearchSession();
  await session.run({ ...question, row: "7-0000000000000001" }, false);
  expect(asked.map((one) => [one.wanted, one.direction, one.cursor])).toEqual(
    expect.arrayContaining([
      ["page", "backward", "7-0000000000000000"],
      ["page", "forward", "7-0000000000000000"],
    ]),
  );
});

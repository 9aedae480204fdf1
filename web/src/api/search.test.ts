import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "./http";
import { search, type SearchEvent } from "./search";

const request = { query: "{}", start: "1", end: "2", direction: "backward" as const, limit: 5 };
const ROW = {
  type: "row",
  id: "1795239000000000007-0000000000300001",
  time: "2026-11-21T10:00:00.000000007Z",
  labels: { app: "a" },
  line: "<b>",
  fields: { detected_level: "error", user: "ann", __proto__x: "y" },
  parsed: ["user"],
};

/* The body as the pieces in which it arrives. */
function answer(pieces: string[], status = 200) {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(encoder.encode(piece));
      controller.close();
    },
  });
  const fetch = vi.fn<(url: URL, init?: RequestInit) => Promise<Response>>();
  fetch.mockResolvedValue(new Response(body, { status }));
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

async function all(): Promise<SearchEvent[]> {
  const events: SearchEvent[] = [];
  for await (const event of search(request, "both", 1_000, new AbortController().signal)) events.push(event);
  return events;
}

beforeEach(() => {
  vi.stubGlobal("document", { baseURI: "http://bole.test/sub/#/explore?q=x" });
  vi.stubGlobal("window", { setTimeout });
});
afterEach(() => vi.unstubAllGlobals());

test("events are read line by line, however the answer is cut into pieces", async () => {
  const body =
    [
      ROW,
      { type: "histogram", step_ms: 1000, from: "x", to: "y", buckets: [{ time: "2026-11-21T10:00:00Z", counts: { error: 3 } }] },
      { type: "progress", done: 0.5, rows_scanned: 10, bytes_scanned: 100 },
      { type: "warning", warning: "damaged" },
    ]
      .map((event) => JSON.stringify(event))
      .join("\n") + "\n";
  const fetch = answer(body.match(/[^]{1,17}/g)!);
  const events = await all();
  expect(events.map((event) => event.type)).toEqual(["row", "histogram", "progress", "warning"]);
  expect(events[0]).toMatchObject({
    row: {
      time: "1795239000000000007",
      level: "error",
      labels: { app: "a" },
      metadata: { detected_level: "error" },
      parsed: { user: "ann" },
    },
  });
  expect(events[1]).toMatchObject({ buckets: [{ startMs: Date.UTC(2026, 10, 21, 10), counts: { error: 3 } }] });
  expect(String(fetch.mock.calls[0]![0])).toBe(
    "http://bole.test/sub/api/v1/query?query=%7B%7D&start=1&end=2&direction=backward&limit=5&events=rows%2Chistogram%2Cprogress%2Cstats&step=1000ms",
  );
});

test("an error behind the first rows is an error, and an answer that stops in a line is one", async () => {
  answer([`${JSON.stringify(ROW)}\n{"type":"error","error":"too much"}\n`]);
  await expect(all()).rejects.toMatchObject({ kind: "server", message: "too much" });
  answer([JSON.stringify(ROW)]);
  await expect(all()).rejects.toMatchObject({ kind: "network" });
});

test("a refusal has the server's own words", async () => {
  answer(["parse error at line 1, col 2: x\n"], 400);
  await expect(all()).rejects.toMatchObject({ kind: "refused", message: "parse error at line 1, col 2: x" });
});

test.each([
  ["not json"],
  ["{}"],
  ['{"type":"row","id":"x"}'],
  ['{"type":"histogram","buckets":[{"time":"never","counts":{}}]}'],
  ['{"type":"histogram","buckets":[{"time":"2026-11-21T10:00:00Z","counts":{"error":"3"}}]}'],
  [JSON.stringify({ ...ROW, parsed: ["toString"] })],
])("an event of another shape is an error, not a crash: %s", async (line) => {
  answer([`${line}\n`]);
  await expect(all()).rejects.toBeInstanceOf(ApiError);
});

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { strings } from "@/strings";
import { ApiError } from "./http";
import { buildInfo, labelNames, labelValues, queryInstant, queryMetric, queryRows } from "./loki";
import { droppedIn } from "./tail";

/* What the server would have answered, and what it was asked. */
function answer(body: unknown, status = 200) {
  const fetch = vi.fn<(url: URL, init?: RequestInit) => Promise<Response>>();
  fetch.mockResolvedValue(new Response(typeof body === "string" ? body : JSON.stringify(body), { status }));
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

const success = (data: unknown) => ({ status: "success", data });
const rowsRequest = { query: "{}", start: "1", end: "2", limit: 10, direction: "backward" as const };

beforeEach(() => vi.stubGlobal("document", { baseURI: "http://bole.test/sub/path/#/explore?q=x" }));
afterEach(() => vi.unstubAllGlobals());

test("requests stay below the path that the page came from, and ask for categories", async () => {
  const fetch = answer(success({ resultType: "streams", result: [], stats: {} }));
  expect(await queryRows(rowsRequest)).toMatchObject({ rows: [], full: false });
  const [url, init] = fetch.mock.calls[0]!;
  expect(String(url)).toBe(
    "http://bole.test/sub/path/loki/api/v1/query_range?query=%7B%7D&start=1&end=2&limit=10&direction=backward",
  );
  expect(init?.headers).toEqual({ "X-Loki-Response-Encoding-Flags": "categorize-labels" });
});

test("a refusal carries the server's own text, without its end of line", async () => {
  answer("parse error at line 1, col 9: syntax error\n", 400);
  await expect(queryRows(rowsRequest)).rejects.toMatchObject({
    kind: "refused",
    status: 400,
    message: "parse error at line 1, col 9: syntax error",
  });
});

test("a proxy's page of HTML is not shown as a message", async () => {
  answer("<html>Bad gateway</html>", 502);
  await expect(queryRows(rowsRequest)).rejects.toMatchObject({ kind: "server", message: strings.errors.status(502) });
});

test.each([
  ["not json"],
  [{ status: "success" }],
  [success({ resultType: "matrix", result: [] })],
  [success({ resultType: "streams", result: {} })],
])("an answer of another shape is an error, not a crash: %j", async (body) => {
  answer(body);
  await expect(queryRows(rowsRequest)).rejects.toBeInstanceOf(ApiError);
});

test("a server that is away, and a query that was cancelled, are different things", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await expect(queryRows(rowsRequest)).rejects.toMatchObject({ kind: "network" });
  await expect(queryRows(rowsRequest, AbortSignal.abort())).rejects.toBeInstanceOf(TypeError);
});

test("matrix, vector and scalar", async () => {
  answer(
    success({
      resultType: "matrix",
      result: [
        {
          metric: { a: "b" },
          values: [
            [1795239000.5, "1.5"],
            [1795239060, "+Inf"],
          ],
        },
      ],
    }),
  );
  expect((await queryMetric({ query: "x", start: "1", end: "2", stepMs: 1_000 })).series).toEqual([
    {
      labels: { a: "b" },
      points: [
        [1795239000.5, 1.5],
        [1795239060, Infinity],
      ],
    },
  ]);
  answer(success({ resultType: "vector", result: [{ metric: {}, value: [1, "NaN"] }] }));
  expect((await queryInstant("x", "1")).series[0]?.points[0]?.[1]).toBeNaN();
  answer(success({ resultType: "scalar", result: [1795239000000, "2"] }));
  expect((await queryInstant("2", "1")).series).toEqual([{ labels: {}, points: [[1795239000000, 2]] }]);
});

test("no labels is an answer without data; the server's own labels are hidden", async () => {
  answer({ status: "success" });
  expect(await labelNames("1", "2")).toEqual([]);
  answer(success(["app", "__stream_shard__"]));
  expect(await labelNames("1", "2")).toEqual(["app"]);
  const fetch = answer(success(["x"]));
  await labelValues("a/b", "1", "2");
  expect(String(fetch.mock.calls[0]![0])).toContain("/label/a%2Fb/values?");
});

test("build information may be partial", async () => {
  answer({ version: "1.0" });
  expect(await buildInfo()).toEqual({ version: "1.0", revision: "" });
});

test("dropped entries are counted truly", () => {
  expect(droppedIn({})).toBe(0);
  expect(droppedIn({ dropped_entries: null })).toBe(0);
  expect(droppedIn({ dropped_entries: [{}, {}] })).toBe(2);
  expect(droppedIn({ dropped_entries: [{}], dropped_count: 500 })).toBe(500);
});

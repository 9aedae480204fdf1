import { webcrypto } from "node:crypto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { deleteSaved, getSaved, isConflict, listSaved, newId, putSaved } from "./saved";

function answer(body: unknown, status = 200) {
  const fetch = vi.fn<(url: URL, init?: RequestInit) => Promise<Response>>();
  const text = typeof body === "string" ? body : JSON.stringify(body);
  fetch.mockResolvedValue(new Response(status === 204 ? null : text, { status }));
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

const one = { id: "a", name: "Errors", version: 3, updated: "2026-11-21T10:00:00.000Z" };
const saved = { kind: "query" as const, id: "a", name: "Errors", version: 3, updatedMs: Date.parse(one.updated) };

beforeEach(() => {
  vi.stubGlobal("document", { baseURI: "http://bole.test/sub/#/explore" });
  vi.stubGlobal("crypto", webcrypto); // Node 18 has it as a module only
});
afterEach(() => vi.unstubAllGlobals());

test("a list and one of it", async () => {
  answer({ objects: [one] });
  expect(await listSaved("query")).toEqual([saved]);
  answer({ ...one, body: { query: "{}" } });
  expect(await getSaved("query", "a")).toEqual({ ...saved, body: { query: "{}" } });
});

test("who saves names the version that is replaced", async () => {
  const fetch = answer({ ...one, version: 4 });
  expect((await putSaved(saved, { query: "{}" })).version).toBe(4);
  const [url, init] = fetch.mock.calls[0]!;
  expect(String(url)).toBe("http://bole.test/sub/api/v1/saved/query/a?name=Errors&version=3");
  expect([init?.method, init?.body]).toEqual(["PUT", '{"query":"{}"}']);
});

test("what somebody else changed is a conflict; a deletion has no content", async () => {
  answer("it was changed meanwhile: its version is 5", 409);
  const error: unknown = await putSaved(saved, {}).catch((why: unknown) => why);
  expect(isConflict(error)).toBe(true);
  answer("", 204);
  await expect(deleteSaved(saved)).resolves.toBeUndefined();
});

test.each([[{ objects: [{ ...one, version: "3" }] }], [{}], [[]]])("another shape is an error: %j", async (body) => {
  answer(body);
  await expect(listSaved("query")).rejects.toMatchObject({ kind: "shape" });
});

test("ids are what the server takes, and differ", () => {
  const ids = Array.from({ length: 100 }, newId);
  expect(new Set(ids).size).toBe(100);
  expect(ids.every((id) => /^[A-Za-z0-9_-]{1,64}$/.test(id))).toBe(true);
});

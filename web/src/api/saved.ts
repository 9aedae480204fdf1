/* saved.ts - what people keep on the server: named documents, each with a version against lost changes. */
import { asArray, asNumber, asObject, asString } from "./check";
import { ApiError, apiUrl, checked, getJson, send } from "./http";

export type SavedKind = "query" | "view" | "dashboard";

export interface Saved {
  kind: SavedKind;
  id: string;
  name: string;
  version: number;
  updatedMs: number;
}

export interface SavedDocument extends Saved {
  /* Whoever reads it checks it: another program may have written it. */
  body: Record<string, unknown>;
}

function readSaved(kind: SavedKind, value: unknown): Saved {
  const one = asObject(value, "saved");
  return {
    kind,
    id: asString(one["id"], "id"),
    name: asString(one["name"], "name"),
    version: asNumber(one["version"], "version"),
    updatedMs: Date.parse(asString(one["updated"], "updated")),
  };
}

const path = (kind: SavedKind, id: string) => `api/v1/saved/${kind}/${encodeURIComponent(id)}`;

export async function listSaved(kind: SavedKind, signal?: AbortSignal): Promise<Saved[]> {
  const { body } = await getJson(apiUrl(`api/v1/saved/${kind}`), signal);
  return checked(() => asArray(asObject(body, "answer")["objects"], "objects").map((one) => readSaved(kind, one)));
}

export async function getSaved(kind: SavedKind, id: string, signal?: AbortSignal): Promise<SavedDocument> {
  const { body } = await getJson(apiUrl(path(kind, id)), signal);
  return checked(() => ({ ...readSaved(kind, body), body: asObject(asObject(body, "answer")["body"], "body") }));
}

/* `version`: the one that is replaced, 0 for a new object. */
export async function putSaved(
  one: { kind: SavedKind; id: string; name: string; version: number },
  body: Record<string, unknown>,
): Promise<Saved> {
  const { kind, id, name, version } = one;
  const answer = await send("PUT", apiUrl(path(kind, id), { name, version: String(version) }), body);
  return checked(() => readSaved(kind, answer));
}

export async function deleteSaved({ kind, id, version }: Saved): Promise<void> {
  await send("DELETE", apiUrl(path(kind, id), { version: String(version) }));
}

/* True: somebody else was faster. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}

export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => (byte % 36).toString(36)).join("");
}

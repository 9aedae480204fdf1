/* operate.ts - who sends, and what could not be taken. */
import { asArray, asNumber, asObject, asString, asStrings } from "./check";
import { apiUrl, checked, getJson, send } from "./http";

export interface Source {
  client: string;
  agent: string;
  door: string;
  firstMs: number;
  lastMs: number;
  batches: number;
  records: number;
  bytes: number;
  errors: number;
  perSecond: number;
  lagSeconds: number;
}

export async function listSources(signal?: AbortSignal): Promise<Source[]> {
  const { body } = await getJson(apiUrl("api/v1/sources"), signal);
  return checked(() =>
    asArray(asObject(body, "answer")["sources"], "sources").map((item) => {
      const one = asObject(item, "source");
      const text = (name: string) => asString(one[name], name);
      const number = (name: string) => asNumber(one[name], name);
      return {
        client: text("client"),
        agent: text("agent"),
        door: text("door"),
        firstMs: Date.parse(text("first_seen")),
        lastMs: Date.parse(text("last_seen")),
        batches: number("batches"),
        records: number("records"),
        bytes: number("bytes"),
        errors: number("errors"),
        perSecond: number("records_per_second"),
        lagSeconds: number("lag_seconds"),
      };
    }),
  );
}

export interface DeadLetter {
  id: string;
  timeMs: number;
  door: string;
  reason: string;
  why: string;
  size: number;
  /* It was too long to be kept whole. */
  cut: boolean;
  text: string;
  /* Of one that had been read already: labels and fields. */
  record: unknown;
}

function readLetter(value: unknown): DeadLetter {
  const one = asObject(value, "letter");
  const text = (name: string) => asString(one[name], name);
  return {
    id: text("id"),
    timeMs: Date.parse(text("time")),
    door: text("door"),
    reason: text("reason"),
    why: text("why"),
    size: asNumber(one["size"], "size"),
    cut: one["cut"] === true,
    text: text("text"),
    record: one["record"],
  };
}

/* A page, oldest first; `next` goes on behind it. */
export async function listDeadLetters(after: string | undefined, signal?: AbortSignal) {
  const { body } = await getJson(apiUrl("api/v1/dlq", { after }), signal);
  return checked(() => {
    const answer = asObject(body, "answer");
    const { next } = answer;
    return { letters: asArray(answer["letters"], "letters").map(readLetter), next: typeof next === "string" ? next : undefined };
  });
}

export async function showDeadLetter(id: string, signal?: AbortSignal): Promise<DeadLetter> {
  const { body } = await getJson(apiUrl(`api/v1/dlq/${encodeURIComponent(id)}`), signal);
  return checked(() => readLetter(body));
}

export interface Redriven {
  redriven: number;
  refused: number;
  errors: string[];
}

/* One, or all of them: 64 at a time until none is left. */
export async function redrive(id: string | undefined): Promise<Redriven> {
  const sum: Redriven = { redriven: 0, refused: 0, errors: [] };
  let after: string | undefined;
  do {
    const answer = await send("POST", apiUrl("api/v1/dlq/redrive", { id, after }));
    after = checked(() => {
      const part = asObject(answer, "answer");
      sum.redriven += asNumber(part["redriven"], "redriven");
      sum.refused += asNumber(part["refused"], "refused");
      sum.errors.push(...asStrings(part["errors"], "errors"));
      const { next } = part;
      return id === undefined && typeof next === "string" && next !== "0" && next !== after ? next : undefined;
    });
  } while (after !== undefined);
  return sum;
}

export async function purgeDeadLetters(id: string | undefined): Promise<void> {
  await send("DELETE", apiUrl(id === undefined ? "api/v1/dlq" : `api/v1/dlq/${encodeURIComponent(id)}`));
}

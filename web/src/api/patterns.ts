/* patterns.ts - what the lines of a range look like. */
import { asArray, asNumber, asObject, asString, ShapeError } from "./check";
import { apiUrl, checked, getJson } from "./http";
import { search } from "./search";
import { PATTERNS_MAX } from "@/limits";
import { levelOf, type Level } from "@/lib/level";
import type { Ns } from "@/lib/ns";

export interface Pattern {
  /* The line, with `<_>` for what differs. */
  text: string;
  level: Level;
  count: number;
  /* Counts per step; empty where only the sum is known. */
  samples: { atMs: number; count: number }[];
}

interface Request {
  query: string;
  start: Ns;
  end: Ns;
}

/* Of all lines of a selector, with counts over time. */
export async function patternsOfSelector(request: Request, stepMs: number, signal: AbortSignal): Promise<Pattern[]> {
  const step = `${Math.max(1, Math.round(stepMs / 1_000))}s`;
  const { body } = await getJson(apiUrl("loki/api/v1/patterns", { ...request, step }), signal);
  return checked(() =>
    asArray(asObject(body, "answer")["data"], "patterns").map((item) => {
      const one = asObject(item, "pattern");
      const samples = asArray(one["samples"], "samples").map((sample) => {
        const [seconds, count] = asArray(sample, "sample");
        return { atMs: asNumber(seconds, "sample time") * 1_000, count: asNumber(count, "sample count") };
      });
      return {
        text: asString(one["pattern"], "pattern"),
        level: levelOf(typeof one["level"] === "string" ? one["level"] : undefined),
        count: samples.reduce((sum, sample) => sum + sample.count, 0),
        samples,
      };
    }),
  );
}

/* Of what a query selects: Bole's stage `| patterns`, whose table has the sums. */
export async function patternsOfQuery(request: Request, signal: AbortSignal): Promise<Pattern[]> {
  const patterns: Pattern[] = [];
  const wanted = { ...request, query: `${request.query} | patterns`, direction: "backward" as const, limit: PATTERNS_MAX };
  for await (const event of search(wanted, "page", 1_000, signal)) {
    if (event.type !== "row") continue;
    const { pattern, count } = { ...event.row.metadata, ...event.row.parsed };
    if (pattern === undefined || !Number.isFinite(Number(count))) throw new ShapeError("pattern");
    patterns.push({ text: pattern, level: "unknown", count: Number(count), samples: [] });
  }
  return patterns;
}

/* status.ts - the server's own figures: those of /metrics, as numbers by name. */
import { asObject, asString } from "./check";
import { apiUrl, checked, getJson } from "./http";

export interface Status {
  version: string;
  /* `store.segments`, `ingest.rows_total`... */
  figures: Readonly<Record<string, number>>;
}

export async function getStatus(signal?: AbortSignal): Promise<Status> {
  const { body } = await getJson(apiUrl("api/v1/status"), signal);
  return checked(() => {
    const answer = asObject(body, "status");
    const figures: Record<string, number> = {};
    for (const [group, values] of Object.entries(answer)) {
      if (typeof values !== "object" || values === null) continue;
      for (const [name, value] of Object.entries(values))
        if (typeof value === "number") figures[`${group}.${name}`] = value;
    }
    return { version: asString(answer["version"], "version"), figures };
  });
}

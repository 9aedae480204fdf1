/* filterQuery.ts - a click on a field of a row, as a change of the query. */
import { addFilter, addMatcher } from "@/logql/edit";
import type { FieldFilter } from "./RowDetail";

/*
 * A stream label goes into the selector, where it prunes what is read; everything else becomes a filter in the
 * pipeline. Where the origin is unknown, the pipeline is right for both.
 */
export function filterQuery(query: string, { name, value, op, origin }: FieldFilter): string {
  return origin === "stream" ? addMatcher(query, name, op, value) : addFilter(query, name, op, value);
}

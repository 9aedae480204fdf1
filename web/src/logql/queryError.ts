/* queryError.ts - where the server says that a query is wrong. */
export interface QueryError {
  message: string;
  at: number | undefined;
}

const PLACE = /parse error at line (\d+), col (\d+): ?/;

/* `at` is an offset into the query; the server counts columns in bytes or characters from 1: clamped, never trusted. */
export function readQueryError(message: string, query: string): QueryError {
  const match = PLACE.exec(message);
  if (!match) return { message, at: undefined };
  const lines = query.split("\n");
  const line = Math.min(Number(match[1]), lines.length);
  const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  const column = Math.min(Math.max(Number(match[2]) - 1, 0), lines[line - 1]?.length ?? 0);
  return { message, at: before + column };
}

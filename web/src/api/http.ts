/* http.ts - the only fetch of the interface. */
import { strings } from "@/strings";
import { ShapeError } from "./check";

export type FailureKind = "network" | "refused" | "server" | "shape";

/* `refused`: the server understood and said no (4xx); its text is for the user. */
export class ApiError extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
    readonly status?: number,
  ) {
    super(message);
  }
}

/* Turns a failed check into an error that can be shown. */
export function checked<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ShapeError) throw new ApiError("shape", strings.errors.unexpected(error.message));
    throw error;
  }
}

/* Relative to the page, so that it works below any path. */
export function apiUrl(path: string, params?: Record<string, string | undefined>): URL {
  const url = new URL(path, document.baseURI.split("#")[0]);
  for (const [name, value] of Object.entries(params ?? {})) if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

export interface Answer {
  body: unknown;
  elapsedMs: number;
}

async function getText(url: URL, init: RequestInit): Promise<{ status: number; text: string }> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, init);
    text = await response.text();
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError("network", strings.errors.unreachable);
  }
  if (!response.ok) throw refusal(response.status, text);
  return { status: response.status, text };
}

function parse({ status, text }: { status: number; text: string }): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ApiError("shape", strings.errors.notJson, status);
  }
}

export async function getJson(
  url: URL,
  signal: AbortSignal | undefined,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const started = performance.now();
  const answer = await getText(url, { headers, ...(signal && { signal }) });
  return { body: parse(answer), elapsedMs: performance.now() - started };
}

/* A change; `body` is JSON. An answer without content is undefined. */
export async function send(method: "PUT" | "POST" | "DELETE", url: URL, body?: unknown): Promise<unknown> {
  const answer = await getText(url, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  return answer.text === "" ? undefined : parse(answer);
}

/* A read of many lines gives way to the page after this long. */
const BUSY_MS = 6;

const pause = () => new Promise<void>((resolve) => window.setTimeout(resolve));

/* The lines of an answer as they come. Aborting `signal` closes the connection, which is how a query is cancelled. */
export async function* getLines(url: URL, signal: AbortSignal): AsyncGenerator<string> {
  let response: Response;
  try {
    response = await fetch(url, { signal });
    if (!response.ok) throw refusal(response.status, await response.text());
  } catch (error) {
    if (signal.aborted || error instanceof ApiError) throw error;
    throw new ApiError("network", strings.errors.unreachable);
  }
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let since = performance.now();
  for (;;) {
    const chunk = await reader.read().catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw new ApiError("network", strings.errors.cutOff);
    });
    const lines = (rest + (chunk.value ? decoder.decode(chunk.value, { stream: true }) : "")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      yield line;
      if (performance.now() - since < BUSY_MS) continue;
      await pause();
      since = performance.now();
    }
    if (chunk.done) break;
  }
  if (rest !== "") throw new ApiError("network", strings.errors.cutOff);
}

/* Query errors are plain text; some proxies answer with JSON or a page of HTML. */
function refusal(status: number, text: string): ApiError {
  let message = text.trim();
  try {
    const body = JSON.parse(message) as { message?: unknown; error?: unknown };
    const inner = body.message ?? body.error;
    if (typeof inner === "string") message = inner;
  } catch {
    /* it was plain text */
  }
  if (message === "" || message.startsWith("<")) message = strings.errors.status(status);
  return new ApiError(status >= 500 ? "server" : "refused", message, status);
}

/*
 * jsonTree.ts - JSON as a tree to be unfolded.
 *
 * Works on the text, not on a parsed value: numbers keep their spelling and keys their order and duplicates.
 */
export type JsonNode =
  | { kind: "string" | "number" | "word"; text: string }
  | { kind: "object" | "array"; items: JsonItem[] };

export interface JsonItem {
  /* As written, with its quotes; absent in an array. */
  key?: string;
  value: JsonNode;
}

const TOKEN = /\s+|"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/gy;
const DEPTH_MAX = 200;

/* Undefined unless the whole text is a JSON object or array, of a depth that can be drawn. */
export function readJson(text: string): JsonNode | undefined {
  const trimmed = text.trim();
  if (!/^[{[]/.test(trimmed)) return undefined;
  try {
    JSON.parse(trimmed);
  } catch {
    return undefined;
  }
  const root: JsonItem[] = [];
  const open = [root];
  let key: string | undefined;
  const tokens = (trimmed.match(TOKEN) ?? []).filter((token) => token.trim() !== "");
  for (const [i, token] of tokens.entries()) {
    if (token === "}" || token === "]") open.pop();
    else if (token === "," || token === ":") continue;
    else if (token.startsWith('"') && tokens[i + 1] === ":") key = token;
    else {
      const value = nodeOf(token);
      open.at(-1)?.push({ ...(key !== undefined && { key }), value });
      key = undefined;
      if ("items" in value) open.push(value.items);
      if (open.length > DEPTH_MAX) return undefined;
    }
  }
  return root[0]?.value;
}

function nodeOf(token: string): JsonNode {
  if (token === "{") return { kind: "object", items: [] };
  if (token === "[") return { kind: "array", items: [] };
  if (token.startsWith('"')) return { kind: "string", text: token };
  return { kind: /^[tfn]/.test(token) ? "word" : "number", text: token };
}

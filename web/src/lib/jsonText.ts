/*
 * jsonText.ts - JSON laid out for reading.
 *
 * Works on the text, not on a parsed value: numbers keep their spelling and keys their order and duplicates.
 */
export type JsonTokenKind = "key" | "string" | "number" | "word" | "punctuation" | "space";
export interface JsonToken {
  kind: JsonTokenKind;
  text: string;
}

const TOKEN = /\s+|"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/gy;
const INDENT = "  ";

/* Undefined unless the whole text is a JSON object or array. */
export function layOutJson(text: string): JsonToken[] | undefined {
  const trimmed = text.trim();
  if (!/^[{[]/.test(trimmed)) return undefined;
  try {
    JSON.parse(trimmed);
  } catch {
    return undefined;
  }
  const tokens = (trimmed.match(TOKEN) ?? []).filter((token) => token.trim() !== "");
  const out: JsonToken[] = [];
  let depth = 0;
  const newLine = () => out.push({ kind: "space", text: `\n${INDENT.repeat(depth)}` });
  tokens.forEach((token, i) => {
    const next = tokens[i + 1];
    if (token === "{" || token === "[") {
      out.push({ kind: "punctuation", text: token });
      depth++;
      if (next !== "}" && next !== "]") newLine();
    } else if (token === "}" || token === "]") {
      depth--;
      if (tokens[i - 1] !== "{" && tokens[i - 1] !== "[") newLine();
      out.push({ kind: "punctuation", text: token });
    } else if (token === ",") {
      out.push({ kind: "punctuation", text: token });
      newLine();
    } else if (token === ":") {
      out.push({ kind: "punctuation", text: ": " });
    } else {
      out.push({ kind: kindOf(token, next), text: token });
    }
  });
  return out;
}

function kindOf(token: string, next: string | undefined): JsonTokenKind {
  if (token.startsWith('"')) return next === ":" ? "key" : "string";
  return /^[tfn]/.test(token) ? "word" : "number";
}

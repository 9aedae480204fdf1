/*
 * lex.ts - LogQL as tokens with their places.
 *
 * Shared by the editor's colours, completion, and everything that edits a query. Never fails: what is not
 * understood is a "bad" token, since a query is broken most of the time while it is typed. The server has the
 * last word on what is valid.
 */
export type TokenKind = "space" | "comment" | "string" | "number" | "word" | "operator" | "bracket" | "comma" | "bad";

export interface Token {
  kind: TokenKind;
  text: string;
  from: number;
  to: number;
}

const RULES: [TokenKind, RegExp][] = [
  ["space", /\s+/y],
  ["comment", /#[^\n]*/y],
  ["string", /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ["bad", /"(?:[^"\\\n]|\\.)*|`[^`]*/y],
  ["number", /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?:ns|us|µs|ms|[smhdwy]|[kKMGTP]i?B|B)?(?:\d+(?:ms|[smhdw]))*/y],
  ["operator", /\|=|\|~|\|>|\|(?!\|)|!=|!~|!>|=~|==|>=|<=|[=<>+\-*/%^]/y],
  ["bracket", /[(){}[\]]/y],
  ["comma", /,/y],
  ["word", /[A-Za-z_][A-Za-z0-9_]*/y],
];

export function lex(query: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < query.length) {
    const token = tokenAt(query, at);
    tokens.push(token);
    at = token.to;
  }
  return tokens;
}

function tokenAt(query: string, at: number): Token {
  for (const [kind, rule] of RULES) {
    rule.lastIndex = at;
    const match = rule.exec(query);
    if (match) return { kind, text: match[0], from: at, to: at + match[0].length };
  }
  const char = String.fromCodePoint(query.codePointAt(at) ?? 0);
  return { kind: "bad", text: char, from: at, to: at + char.length };
}

/* Tokens that mean something. */
export function significant(tokens: readonly Token[]): Token[] {
  return tokens.filter((token) => token.kind !== "space" && token.kind !== "comment");
}

const ESCAPES: Record<string, string> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

/* The value of a string token, quoted with " or `. */
export function unquote(text: string): string {
  if (text.startsWith("`")) return text.slice(1, -1);
  return text
    .slice(1, -1)
    .replace(
      /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/g,
      (_, hex?: string, short?: string, long?: string, octal?: string, char?: string) => {
        const code = hex ?? short ?? long;
        if (code !== undefined) return String.fromCodePoint(Math.min(parseInt(code, 16), 0x10ffff));
        if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8));
        return ESCAPES[char ?? ""] ?? char ?? "";
      },
    );
}

/* A LogQL string, escaped as Go reads it. */
export function quote(value: string): string {
  const escaped = value.replace(/[\\"\x00-\x1f\x7f\u2028\u2029\ufeff]/g, (char) => {
    if (char === "\\" || char === '"') return `\\${char}`;
    if (char === "\n") return "\\n";
    if (char === "\t") return "\\t";
    if (char === "\r") return "\\r";
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `"${escaped}"`;
}

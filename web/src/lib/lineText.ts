/*
 * lineText.ts - a log line as a list of pieces that can be drawn as text nodes.
 *
 * A line is hostile input. It is never parsed as HTML; terminal colours become spans, characters that would be
 * invisible or would reorder the text become visible marks, and matches of the query are marked.
 */
import { MATCHES_PER_LINE_MAX } from "@/limits";
import { readAnsi, type Span, type Style } from "./ansi";

export interface Piece {
  text: string;
  style?: Style;
  match?: true;
  mark?: string;
}

/* C0 and C1 controls except tab and line feed; zero-width, bidirectional and other format characters. */

const INVISIBLE =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/* ZWJ and ZWNJ belong to emoji and to several scripts: shown as they are. */
const JOINERS = /[\u200c\u200d]/;

/* `^@` for NUL, `^[` for ESC, as terminals write them; `‹202E›` for what has no such name. Every font has these. */
function visibleMark(char: string): string {
  const code = char.charCodeAt(0);
  if (code < 0x80) return `^${String.fromCharCode(code ^ 0x40)}`;
  return `‹${code.toString(16).toUpperCase().padStart(4, "0")}›`;
}

interface Range {
  from: number;
  to: number;
}

/* `codes`: escape sequences are shown instead of followed. */
export function linePieces(line: string, needles: readonly RegExp[], codes = false): Piece[] {
  const { text, spans } = codes ? { text: line, spans: [] } : readAnsi(line);
  const matches = findMatches(text, needles);
  const cuts = new Set<number>([0, text.length]);
  for (const range of [...spans, ...matches]) {
    cuts.add(range.from);
    cuts.add(range.to);
  }
  const edges = [...cuts].sort((a, b) => a - b);
  const pieces: Piece[] = [];
  let span = 0;
  let match = 0;
  for (let i = 0; i + 1 < edges.length; i++) {
    const from = edges[i]!;
    const to = edges[i + 1]!;
    while (span < spans.length && spans[span]!.to <= from) span++;
    while (match < matches.length && matches[match]!.to <= from) match++;
    pushVisible(pieces, text.slice(from, to), styleAt(spans[span], from), covers(matches[match], from));
  }
  return pieces;
}

function styleAt(span: Span | undefined, at: number): Style | undefined {
  return covers(span, at) ? span?.style : undefined;
}

function covers(range: Range | undefined, at: number): boolean {
  return range !== undefined && range.from <= at && at < range.to;
}

function pushVisible(pieces: Piece[], text: string, style: Style | undefined, match: boolean): void {
  const push = (piece: string, mark?: string) => {
    if (piece === "") return;
    pieces.push({ text: piece, ...(style && { style }), ...(match && { match }), ...(mark !== undefined && { mark }) });
  };
  let end = 0;
  for (const found of text.matchAll(INVISIBLE)) {
    if (JOINERS.test(found[0])) continue;
    push(text.slice(end, found.index));
    const code = found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    push(visibleMark(found[0]), `U+${code}`);
    end = found.index + found[0].length;
  }
  push(text.slice(end));
}

/* Non-overlapping, sorted. */
function findMatches(text: string, needles: readonly RegExp[]): Range[] {
  const found: Range[] = [];
  for (const needle of needles) {
    needle.lastIndex = 0;
    let match: RegExpExecArray | null;
    while (found.length < MATCHES_PER_LINE_MAX && (match = needle.exec(text)) !== null) {
      if (match[0] === "") {
        needle.lastIndex++;
        continue;
      }
      found.push({ from: match.index, to: match.index + match[0].length });
    }
  }
  found.sort((a, b) => a.from - b.from || b.to - a.to);
  const merged: Range[] = [];
  for (const range of found) {
    const last = merged.at(-1);
    if (last && range.from <= last.to) last.to = Math.max(last.to, range.to);
    else merged.push({ ...range });
  }
  return merged;
}

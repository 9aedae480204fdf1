/*
 * ansi.ts - terminal colours as data.
 *
 * Takes a line apart into plain text and style spans over that text. Only SGR sequences (colours, bold...) have
 * an effect; every other well-formed escape sequence is taken out, since it would move a cursor that is not
 * there; an ESC that starts nothing stays in the text and is shown as a control character.
 */
export interface Style {
  color?: string;
  background?: string;
  bold?: true;
  dim?: true;
  italic?: true;
  underline?: true;
  strike?: true;
}
export interface Span {
  from: number;
  to: number;
  style: Style;
}
export interface AnsiText {
  text: string;
  spans: Span[];
}

/* CSI sequences; OSC ended by BEL or ST; two-byte escapes. */

const ESCAPE = /\x1b(?:\[([0-?]*)([ -/]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_=>78c])/g;

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const CUBE = [0, 95, 135, 175, 215, 255];

export function readAnsi(line: string): AnsiText {
  if (!line.includes("\x1b")) return { text: line, spans: [] };
  let text = "";
  let style: Style = {};
  let end = 0;
  const spans: Span[] = [];
  const take = (until: number) => {
    const piece = line.slice(end, until);
    if (piece !== "" && Object.keys(style).length > 0)
      spans.push({ from: text.length, to: text.length + piece.length, style });
    text += piece;
  };
  for (const match of line.matchAll(ESCAPE)) {
    take(match.index);
    end = match.index + match[0].length;
    if (match[3] === "m" && match[2] === "") style = applySgr(style, match[1] ?? "");
  }
  take(line.length);
  return { text, spans };
}

function applySgr(before: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map((code) => (code === "" ? 0 : Number(code)));
  let style = { ...before };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) style = {};
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 9) style.strike = true;
    else if (code === 22) {
      delete style.bold;
      delete style.dim;
    } else if (code === 23) delete style.italic;
    else if (code === 24) delete style.underline;
    else if (code === 29) delete style.strike;
    else if (code === 39) delete style.color;
    else if (code === 49) delete style.background;
    else if (code >= 30 && code <= 37) style.color = named(code - 30);
    else if (code >= 90 && code <= 97) style.color = named(code - 90 + 8);
    else if (code >= 40 && code <= 47) style.background = named(code - 40);
    else if (code >= 100 && code <= 107) style.background = named(code - 100 + 8);
    else if (code === 38 || code === 48) {
      const [color, used] = extendedColor(codes.slice(i + 1));
      i += used;
      if (color !== undefined) style[code === 38 ? "color" : "background"] = color;
    }
  }
  return style;
}

/* The sixteen named colours come from the theme, so that they are readable on both. */
function named(index: number): string {
  return `var(--ansi-${index > 7 ? "bright-" : ""}${NAMES[index % 8]})`;
}

/* `5;n` or `2;r;g;b`: the colour, and how many codes it took. */
function extendedColor(codes: number[]): [string | undefined, number] {
  if (codes[0] === 5) {
    const index = codes[1] ?? -1;
    if (index >= 0 && index < 16) return [named(index), 2];
    if (index >= 16 && index < 232) {
      const n = index - 16;
      return [rgb(CUBE[Math.floor(n / 36)], CUBE[Math.floor(n / 6) % 6], CUBE[n % 6]), 2];
    }
    if (index >= 232 && index < 256) {
      const grey = 8 + (index - 232) * 10;
      return [rgb(grey, grey, grey), 2];
    }
    return [undefined, 2];
  }
  if (codes[0] === 2) return [rgb(codes[1], codes[2], codes[3]), 4];
  return [undefined, 0];
}

function rgb(r = 0, g = 0, b = 0): string | undefined {
  const valid = [r, g, b].every((part) => Number.isInteger(part) && part >= 0 && part <= 255);
  return valid ? `rgb(${r} ${g} ${b})` : undefined;
}

import { memo, useMemo, type CSSProperties } from "react";
import type { Style } from "@/lib/ansi";
import { formatBytes } from "@/lib/format";
import { linePieces, type Piece } from "@/lib/lineText";
import { strings } from "@/strings";

/* A log line as text nodes and spans. React escapes all of it; there is no innerHTML in this program. */
export const Line = memo(function Line({
  line,
  needles,
  charsMax,
  codes = false,
}: {
  line: string;
  needles: readonly RegExp[];
  charsMax: number;
  /* Show escape sequences as they are. */
  codes?: boolean;
}) {
  const cut = line.length > charsMax;
  const pieces = useMemo(
    () => linePieces(cut ? line.slice(0, charsMax) : line, needles, codes),
    [line, needles, charsMax, cut, codes],
  );
  return (
    <>
      {pieces.map((piece, i) => (
        <PieceView key={i} piece={piece} />
      ))}
      {cut && <span className="cut">{strings.rows.cut(formatBytes(charsMax), formatBytes(line.length))}</span>}
    </>
  );
});

function PieceView({ piece }: { piece: Piece }) {
  if (piece.mark !== undefined)
    return (
      <span className="control" title={piece.mark}>
        {piece.text}
      </span>
    );
  const style = piece.style && cssOf(piece.style);
  if (piece.match) return <mark style={style}>{piece.text}</mark>;
  return style ? <span style={style}>{piece.text}</span> : piece.text;
}

function cssOf(style: Style): CSSProperties {
  const lines = [style.underline && "underline", style.strike && "line-through"].filter(Boolean).join(" ");
  return {
    ...(style.color !== undefined && { color: style.color }),
    ...(style.background !== undefined && { backgroundColor: style.background }),
    ...(style.bold && { fontWeight: 700 }),
    ...(style.dim && { opacity: 0.65 }),
    ...(style.italic && { fontStyle: "italic" }),
    ...(lines !== "" && { textDecoration: lines }),
  };
}

/* saveAs.ts - text that grows as a file of the user's. */

/* The pieces are gathered to parts of this size, which the browser keeps on disk when there are many. */
const PART_CHARS = 4 << 20;

export async function saveAs(name: string, type: string, pieces: AsyncIterable<string>): Promise<void> {
  const parts: Blob[] = [];
  let part: string[] = [];
  let size = 0;
  const close = () => {
    parts.push(new Blob(part, { type }));
    part = [];
    size = 0;
  };
  for await (const piece of pieces) {
    part.push(piece);
    size += piece.length;
    if (size >= PART_CHARS) close();
  }
  close();
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  /* The download has its own hold on the data once it began. */
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

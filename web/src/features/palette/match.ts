/* Every word must be somewhere; what begins with the first one comes first. */
export function bestMatches<T extends { text: string }>(items: readonly T[], input: string, max: number): T[] {
  const words = input.toLowerCase().split(/\s+/).filter(Boolean);
  const first = words[0] ?? "";
  return items
    .filter(({ text }) => words.every((word) => text.toLowerCase().includes(word)))
    .map((item, i) => ({ item, rank: item.text.toLowerCase().startsWith(first) ? i : i + items.length }))
    .sort((a, b) => a.rank - b.rank)
    .slice(0, max)
    .map(({ item }) => item);
}

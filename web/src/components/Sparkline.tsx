const WIDTH = 120;
const HEIGHT = 20;

interface Props {
  samples: readonly { atMs: number; count: number }[];
  startMs: number;
  endMs: number;
  points: number;
}

/* A row of small bars: how a count went over the range. */
export function Sparkline({ samples, startMs, endMs, points }: Props) {
  const sums = new Array<number>(points).fill(0);
  for (const { atMs, count } of samples) {
    const at = Math.floor(((atMs - startMs) / (endMs - startMs)) * points);
    const index = Math.min(points - 1, Math.max(0, at));
    sums[index] = (sums[index] ?? 0) + count;
  }
  const most = Math.max(1, ...sums);
  const step = WIDTH / points;
  const path = sums
    .map((sum, i) => {
      const height = sum === 0 ? 0 : Math.max(1, (sum / most) * HEIGHT);
      return height === 0 ? "" : `M${(i * step).toFixed(1)} ${HEIGHT}v${(-height).toFixed(1)}h${(step * 0.8).toFixed(1)}V${HEIGHT}z`;
    })
    .join("");
  return (
    <svg className="sparkline" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

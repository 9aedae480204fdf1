/* silence.ts - which senders are quiet for longer than is usual for them. */
const QUIET_MIN_MS = 5 * 60_000;
const USUAL_TIMES = 10;
/* Of fewer batches nobody can tell how often they come. */
const BATCHES_MIN = 5;

interface Sender {
  firstMs: number;
  lastMs: number;
  batches: number;
}

/* After five minutes, or ten times the time that usually lies between two batches. */
export function isSilent({ firstMs, lastMs, batches }: Sender, nowMs: number): boolean {
  if (batches < BATCHES_MIN) return false;
  const usualMs = (lastMs - firstMs) / (batches - 1);
  return nowMs - lastMs > Math.max(QUIET_MIN_MS, USUAL_TIMES * usualMs);
}

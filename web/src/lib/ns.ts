/*
 * ns.ts - points in time as nanoseconds since 1970.
 *
 * A number holds such a value only to about 200 ns, so they travel as decimal strings ("Ns") and are
 * calculated with as BigInt. Milliseconds are for drawing only.
 */
export type Ns = string;

const NS_PER_MS = 1_000_000n;

export function nsFromMs(ms: number): Ns {
  return (BigInt(Math.round(ms)) * NS_PER_MS).toString();
}

export function msOfNs(ns: Ns): number {
  return Number(BigInt(ns) / NS_PER_MS);
}

export function addNs(ns: Ns, delta: bigint): Ns {
  return (BigInt(ns) + delta).toString();
}

/* Sorts plain decimal strings without making a BigInt of each: rows are compared by the ten thousand. */
export function compareNs(a: Ns, b: Ns): number {
  if (a.startsWith("-") || b.startsWith("-")) {
    const difference = BigInt(a) - BigInt(b);
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

export function isNs(text: string): boolean {
  return /^-?\d{1,19}$/.test(text);
}

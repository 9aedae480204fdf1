/* liveFigures.ts - figures of the server over the time that this page looks at them. */
export interface Sample {
  atMs: number;
  figures: Readonly<Record<string, number>>;
}

/* Half an hour, at one every five seconds. */
export const SAMPLES_MAX = 360;

export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  return [...samples, sample].slice(-SAMPLES_MAX);
}

export const isCounter = (name: string) => name.endsWith("_total");

/* A figure over time; of one that only counts up, its rate per second. After a restart of the server it begins anew. */
export function course(samples: readonly Sample[], name: string): { atMs: number; value: number }[] {
  const known = samples.filter((one) => Object.hasOwn(one.figures, name));
  if (!isCounter(name)) return known.map(({ atMs, figures }) => ({ atMs, value: figures[name] ?? 0 }));
  return known.slice(1).flatMap(({ atMs, figures }, i) => {
    const before = known[i];
    if (!before || atMs <= before.atMs) return [];
    const grown = (figures[name] ?? 0) - (before.figures[name] ?? 0);
    return grown < 0 ? [] : [{ atMs, value: (grown * 1_000) / (atMs - before.atMs) }];
  });
}

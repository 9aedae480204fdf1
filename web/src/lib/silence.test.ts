import { expect, test } from "vitest";
import { isSilent } from "./silence";

const MINUTE = 60_000;

test.each([
  [{ firstMs: 0, lastMs: 60 * MINUTE, batches: 3_600 }, 64 * MINUTE, false],
  [{ firstMs: 0, lastMs: 60 * MINUTE, batches: 3_600 }, 66 * MINUTE, true],
  [{ firstMs: 0, lastMs: 600 * MINUTE, batches: 11 }, 1_100 * MINUTE, false],
  [{ firstMs: 0, lastMs: 600 * MINUTE, batches: 11 }, 1_300 * MINUTE, true],
  [{ firstMs: 0, lastMs: 0, batches: 1 }, 1_300 * MINUTE, false],
  [{ firstMs: 0, lastMs: 0, batches: 9 }, 6 * MINUTE, true],
])("%j at %d: silent %s", (sender, now, silent) => {
  expect(isSilent(sender, now)).toBe(silent);
});

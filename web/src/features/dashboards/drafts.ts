/* drafts.ts - dashboards that are being changed: they survive a look at another screen. */
import type { Dashboard } from "./model";

export const drafts = new Map<string, Dashboard>();

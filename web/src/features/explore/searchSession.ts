/*
 * searchSession.ts - one log query on the screen: what was found so far, and what is still being asked.
 *
 * Rows and histogram come as one stream. With a level filter they are two, since the histogram also shows the levels that
 * are not chosen. What arrives is collected and shown a few times a second, however fast it comes. The answer before stays
 * until the first row of the new one; a repetition of the same question is shown when it is complete.
 */
import type { Direction, Row } from "@/api/rows";
import { search, type SearchRequest, type Wanted } from "@/api/search";
import { JUMP_ROWS, PAGE_ROWS, SEARCH_PAINT_MS, SET_ROWS_MAX } from "@/limits";
import { addCounts, volumeOf, type Bars, type Counts, type Volume } from "./histogramData";
import { addAbove, addBelow, EMPTY_WINDOW, placeBefore, type RowWindow, type Side } from "./rowWindow";

export interface Question {
  query: string;
  /* The query without its level filter; the same when it has none. */
  base: string;
  start: string;
  end: string;
  direction: Direction;
  bars: Bars;
  /* Its rows come in an order of their own, at once. */
  isSet: boolean;
  /* A permalink: the rows around this one. */
  row: string | undefined;
}

export interface Cost {
  rowsScanned: number;
  bytes: number;
  elapsedMs: number;
}

export interface SearchState {
  window: RowWindow;
  columns: string[] | undefined;
  volume: Volume | undefined;
  warnings: string[];
  running: boolean;
  /* Of the range, 0 to 1. */
  done: number;
  cost: Cost;
  answered: boolean;
  /* Shown is the answer to another question. */
  stale: boolean;
  cancelled: boolean;
  error: Error | null;
  loading: Side | "jump" | undefined;
  moreError: Error | null;
  /* The row to be shown after a jump. */
  target: Row | undefined;
}

const NO_COST: Cost = { rowsScanned: 0, bytes: 0, elapsedMs: 0 };
const INITIAL: SearchState = {
  window: EMPTY_WINDOW,
  columns: undefined,
  volume: undefined,
  warnings: [],
  running: false,
  done: 0,
  cost: NO_COST,
  answered: false,
  stale: false,
  cancelled: false,
  error: null,
  loading: undefined,
  moreError: null,
  target: undefined,
};

const opposite = (direction: Direction): Direction => (direction === "backward" ? "forward" : "backward");

/* What one stream brings, until it is shown. */
class Harvest {
  rows: Row[] = [];
  shown = 0;
  counts: Counts | undefined;
  columns: string[] | undefined;
  warnings: string[] = [];
  done = 0;
  cost = NO_COST;
  constructor(private readonly limit: number) {}

  window(isSet: boolean): RowWindow {
    this.shown = this.rows.length;
    return addBelow(EMPTY_WINDOW, this.rows, !isSet && this.rows.length >= this.limit);
  }
}

export class SearchSession {
  private state = INITIAL;
  private readonly listeners = new Set<() => void>();
  private control = new AbortController();
  private pages = new AbortController();
  private question: Question | undefined;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly snapshot = (): SearchState => this.state;

  private change(part: Partial<SearchState>): void {
    this.state = { ...this.state, ...part };
    this.listeners.forEach((listener) => listener());
  }

  /* Ends what is being asked; what was found stays. */
  stop(): void {
    this.control.abort();
    this.pages.abort();
  }

  cancel(): void {
    this.stop();
    this.change({ running: false, cancelled: this.state.running, loading: undefined });
  }

  async run(question: Question, repeated: boolean): Promise<void> {
    this.stop();
    const { signal } = (this.control = new AbortController());
    this.question = question;
    const quiet = repeated && this.state.answered;
    this.change({
      running: true,
      cancelled: false,
      error: null,
      moreError: null,
      loading: undefined,
      done: 0,
      target: undefined,
      stale: this.state.answered && !quiet,
    });
    const limit = question.isSet ? SET_ROWS_MAX : PAGE_ROWS;
    const harvests: Harvest[] = [];
    const read = (query: string, wanted: Wanted) => {
      const harvest = new Harvest(limit);
      harvests.push(harvest);
      return this.read({ ...this.requestOf(question), query, limit }, wanted, harvest, signal);
    };
    const timer = quiet ? undefined : setInterval(() => this.paint(question, harvests, false), SEARCH_PAINT_MS);
    try {
      if (question.row === undefined && question.base === question.query) await read(question.query, "both");
      else
        await Promise.all([
          question.row === undefined ? read(question.query, "rows") : this.jump(placeBefore(question.row)),
          read(question.base, "histogram"),
        ]);
      this.paint(question, harvests, true);
      this.change({ running: false, answered: true, stale: false, done: 1 });
    } catch (error) {
      if (signal.aborted) return;
      this.paint(question, harvests, false);
      this.control.abort();
      this.change({ running: false, error: error as Error });
    } finally {
      clearInterval(timer);
    }
  }

  private requestOf({ query, start, end, direction }: Question): SearchRequest {
    return { query, start, end, direction };
  }

  private async read(request: SearchRequest, wanted: Wanted, into: Harvest, signal: AbortSignal): Promise<void> {
    const bars = this.question!.bars;
    for await (const event of search(request, wanted, bars.stepMs, signal)) {
      if (event.type === "row") into.rows.push(event.row);
      else if (event.type === "columns") into.columns = event.columns;
      else if (event.type === "histogram") into.counts = addCounts(into.counts ?? new Map(), event, bars);
      else if (event.type === "progress") {
        into.done = event.done;
        into.cost = { ...into.cost, rowsScanned: event.rowsScanned, bytes: event.bytes };
      } else if (event.type === "stats") into.cost = event.stats;
      else into.warnings.push(event.text);
    }
  }

  /* Nothing is taken off the screen before there is something to put in its place. */
  private paint(question: Question, harvests: readonly Harvest[], complete: boolean): void {
    const sum = (value: (cost: Cost) => number) => harvests.reduce((all, one) => all + value(one.cost), 0);
    const part: Partial<SearchState> = {
      done: Math.min(...harvests.map((one) => one.done)),
      warnings: [...new Set(harvests.flatMap((one) => one.warnings))],
      cost: {
        rowsScanned: sum((cost) => cost.rowsScanned),
        bytes: sum((cost) => cost.bytes),
        elapsedMs: Math.max(...harvests.map((one) => one.cost.elapsedMs)),
      },
    };
    const counts = harvests.find((one) => one.counts)?.counts ?? (complete ? new Map() : undefined);
    if (counts) part.volume = volumeOf(counts, question.bars);
    const rows = question.row === undefined ? harvests[0] : undefined;
    if (rows && (rows.rows.length > rows.shown || (complete && rows.shown === 0)))
      Object.assign(part, {
        window: rows.window(question.isSet),
        columns: rows.columns,
        answered: true,
        stale: false,
      });
    this.change(part);
  }

  private async page(part: Partial<SearchRequest> & { limit: number }, signal: AbortSignal) {
    const page = new Harvest(part.limit);
    await this.read({ ...this.requestOf(this.question!), ...part }, "page", page, signal);
    return { rows: page.rows, more: page.rows.length >= part.limit };
  }

  /* The next rows at one end of what is held. */
  async more(side: Side): Promise<void> {
    const { window, loading } = this.state;
    const edge = side === "below" ? window.rows.at(-1) : window.rows[0];
    if (!this.question || this.question.isSet || !edge || loading !== undefined || !window[side]) return;
    const direction = side === "below" ? this.question.direction : opposite(this.question.direction);
    await this.fetch(side, async (signal) => {
      const { rows, more } = await this.page({ direction, cursor: edge.id, limit: PAGE_ROWS }, signal);
      return { window: (side === "below" ? addBelow : addAbove)(this.state.window, rows, more) };
    });
  }

  /* The rows around a place, instead of what is held. */
  async jump(place: string): Promise<void> {
    await this.fetch("jump", async (signal) => {
      const [older, newer] = await Promise.all([
        this.page({ direction: "backward", cursor: place, limit: JUMP_ROWS }, signal),
        this.page({ direction: "forward", cursor: place, limit: JUMP_ROWS }, signal),
      ]);
      const [above, below] = this.question!.direction === "backward" ? [newer, older] : [older, newer];
      return {
        window: addAbove(addBelow(EMPTY_WINDOW, below.rows, below.more), above.rows, above.more),
        target: newer.rows[0] ?? older.rows[0],
      };
    });
  }

  /* The rows at one end of the whole answer, if they are not held. False: they are. */
  jumpTo(side: Side): boolean {
    const question = this.question;
    if (!question || !this.state.window[side]) return false;
    const direction = side === "above" ? question.direction : opposite(question.direction);
    void this.fetch("jump", async (signal) => {
      const { rows, more } = await this.page({ direction, limit: PAGE_ROWS }, signal);
      return { window: (side === "above" ? addBelow : addAbove)(EMPTY_WINDOW, rows, more), target: rows[0] };
    });
    return true;
  }

  private async fetch(
    loading: Side | "jump",
    load: (signal: AbortSignal) => Promise<{ window: RowWindow; target?: Row | undefined }>,
  ): Promise<void> {
    this.pages.abort();
    const { signal } = (this.pages = new AbortController());
    this.change({ loading, moreError: null });
    try {
      const { window, target } = await load(signal);
      this.change({ window, loading: undefined, answered: true, stale: false, ...(target && { target }) });
    } catch (error) {
      if (!signal.aborted) this.change({ loading: undefined, moreError: error as Error });
    }
  }
}

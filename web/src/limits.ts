/* Every limit of the interface, in one place. Sizes are UTF-16 units unless the name says otherwise. */
export const PAGE_ROWS = 1_000;
/* On each side of the place that a permalink or a jump goes to. */
export const JUMP_ROWS = 500;
/* Of a result that comes in an order of its own, at once. */
export const SET_ROWS_MAX = 5_000;
export const SEARCH_PAINT_MS = 80;
export const ROWS_HELD_MAX = 50_000;
export const TAIL_ROWS_MAX = 10_000;
export const TAIL_PAUSED_ROWS_MAX = 10_000;
/* Lines per second that a tail shows. */
export const TAIL_SPEEDS = [50, 200, 1_000, 5_000] as const;
export const TAIL_SPEED = 1_000;
export const TAIL_BACKLOG_ROWS = 100;
export const TAIL_FLUSH_MS = 120;
export const TAIL_RETRY_MS = [1_000, 2_000, 5_000, 10_000] as const;

/* A row shows the head of a long line; the detail shows more; copying always gives all of it. */
export const ROW_LINE_CHARS_MAX = 2_000;
/* A line that is not wrapped ends at the window's edge: more would be laid out for nothing. */
export const ROW_UNWRAPPED_CHARS_MAX = 800;
export const DETAIL_LINE_CHARS_MAX = 100_000;
export const PRETTY_JSON_CHARS_MAX = 100_000;
export const FIELDS_SHOWN_MAX = 200;
export const MATCHES_PER_LINE_MAX = 200;

export const AWAY_RETRY_MS = 5_000;

export const HISTOGRAM_BARS = 125;
export const METRIC_POINTS = 240;
export const METRIC_SERIES_DRAWN_MAX = 60;
export const METRIC_TABLE_ROWS_MAX = 500;

export const LABEL_VALUES_SHOWN_MAX = 500;
export const COMPLETIONS_MAX = 200;
export const HISTORY_MAX = 50;
export const CONTEXT_ROWS = 10;
export const CONTEXT_ROWS_MAX = 640;
/* As many as the server gives. */
export const PATTERNS_MAX = 2_000;
export const PATTERNS_SHOWN = 200;
export const PATTERN_EXAMPLES = 5;
export const SPARKLINE_POINTS = 40;
export const BUILDER_SUGGESTIONS_MAX = 200;

/* Icons are drawn here, on a 16 x 16 grid, in the colour of the text around them. */
const PATHS = {
  explore: "M7 12.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM11 11l3.5 3.5",
  tail: "M1.5 8h3l2-5 3 10 2-5h3",
  keyboard: "M1.5 4h13v8h-13zM4 7h.01M6.7 7h.01M9.3 7h.01M12 7h.01M5 9.7h6",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M13 3l-1.1 1.1M4.1 11.9 3 13",
  moon: "M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1Z",
  system: "M1.5 2.5h13v8.5h-13zM5.5 14h5M8 11v3",
  history: "M2 8a6 6 0 1 0 2-4.5L2 5.2M2 2v3.2h3.2M8 4.7V8l2.3 1.5",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.7V8l2.3 1.5",
  chevronDown: "m4 6 4 4 4-4",
  chevronRight: "m6 4 4 4-4 4",
  left: "m10 3-5 5 5 5",
  right: "m6 3 5 5-5 5",
  zoomOut: "M7 12.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM11 11l3.5 3.5M4.5 7h5",
  refresh: "M13.5 8a5.5 5.5 0 1 1-1.7-4l1.7 1.6M13.5 2v3.6H9.9",
  play: "M4.5 2.8v10.4L13 8Z",
  pause: "M5 3v10M11 3v10",
  stop: "M4 4h8v8H4z",
  tag: "M2 2h5.5l6.5 6.5-5.5 5.5L2 7.5ZM5 5h.01",
  close: "m4 4 8 8M12 4l-8 8",
  copy: "M5.5 5.5h8v8h-8zM3 10.5H2.5v-8h8V3",
  plus: "M8 3.5v9M3.5 8h9",
  minus: "M3.5 8h9",
  check: "m3 8.5 3.2 3.2L13 5",
  wrap: "M2 4h12M2 8h9.5a2.3 2.3 0 0 1 0 4.6H8M9.8 10.7 8 12.6l1.8 1.9M2 12.5h3",
  newest: "M4.5 13V3M2 5.5 4.5 3 7 5.5M9 4h5M9 8h4M9 12h2.5",
  oldest: "M4.5 3v10M2 10.5 4.5 13 7 10.5M9 4h2.5M9 8h4M9 12h5",
  link: "M6.5 9.5l3-3M7 4.5l1.3-1.3a3 3 0 0 1 4.3 4.3L11.3 8.8M9 11.5l-1.3 1.3a3 3 0 0 1-4.3-4.3l1.3-1.3",
  context: "M2 3h9M2 6h7M2 13h9M2 10h7M14 8H4.5",
  column: "M2.5 2.5h11v11h-11zM6.2 2.5v11M9.8 2.5v11",
  stats: "M2.5 13.5v-4M6.2 13.5v-9M9.8 13.5V7M13.5 13.5V2.5",
  search: "M7 12.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM11 11l3.5 3.5",
  download: "M8 2v8M4.8 7 8 10.2 11.2 7M2.5 13.5h11",
  up: "m3.5 10 4.5-4.5L12.5 10",
  down: "m3.5 6 4.5 4.5L12.5 6",
  fields: "M2 3.5h3M2 8h3M2 12.5h3M7.5 3.5H14M7.5 8H12M7.5 12.5h4",
  builder: "M2 2.5h5v4H2zM9 9.5h5v4H9zM7 4.5h3.5v5",
  patterns: "M2 4h4M8.5 4H14M2 8h7M11.5 8H14M2 12h2.5M7 12h7",
  dashboards: "M2 2h5v7H2zM9 2h5v4H9zM9 8h5v6H9zM2 11h5v3H2z",
  move: "M8 1.5v13M1.5 8h13M6 3.5l2-2 2 2M6 12.5l2 2 2-2M3.5 6l-2 2 2 2M12.5 6l2 2-2 2",
  upload: "M8 10.5v-8M4.8 5.5 8 2.3l3.2 3.2M2.5 13.5h11",
  sources: "M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM4.5 11.5a5 5 0 0 1 0-7M11.5 4.5a5 5 0 0 1 0 7M2.5 13.5a8 8 0 0 1 0-11M13.5 2.5a8 8 0 0 1 0 11",
  dead: "M1.5 4h13v9h-13ZM1.5 4.5 8 9l6.5-4.5",
  status: "M1.5 3h13v4h-13ZM1.5 9h13v4h-13ZM4 5h.01M4 11h.01M7 5h4M7 11h4",
  gear: "M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M3.4 3.4l1.4 1.4M11.2 11.2l1.4 1.4M12.6 3.4l-1.4 1.4M4.8 11.2l-1.4 1.4",
  palette: "M5.5 4 2 8l3.5 4M10.5 4 14 8l-3.5 4",
  same: "M5 2.5h8.5V11M2.5 5.5H10.5V13.5H2.5Z",
  bookmark: "M4 2h8v12l-4-3-4 3Z",
  pencil: "m10.5 3 2.5 2.5L5.5 13H3v-2.5ZM9 4.5 11.5 7",
  trash: "M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.7 9h6.6l.7-9M6.8 7v4M9.2 7v4",
  warning: "M8 2 1.5 13.5h13ZM8 6.5v3.3M8 11.7h.01",
  offline: "m2.5 1.5 11 13M1.8 6a9 9 0 0 1 12.4 0M4.3 8.7a5.4 5.4 0 0 1 7.4 0M8 12h.01",
  empty: "M2 9.5 4 3h8l2 6.5v4H2ZM2 9.5h3.5l1 1.8h3l1-1.8H14",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill={name === "play" || name === "stop" ? "currentColor" : "none"}
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

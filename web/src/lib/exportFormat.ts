/* exportFormat.ts - rows of the streaming API as a file: as they come, as one JSON array, or as CSV. */

export const EXPORT_FORMATS = ["csv", "json", "ndjson"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export const EXPORT_TYPES: Record<ExportFormat, string> = {
  csv: "text/csv",
  json: "application/json",
  ndjson: "application/x-ndjson",
};

/* RFC 4180. */
export function csvCell(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

const csvLine = (cells: readonly string[]) => `${cells.map(csvCell).join(",")}\r\n`;

interface Line {
  time?: string;
  labels?: Record<string, string>;
  fields?: Record<string, string>;
  line?: string;
  columns?: string[];
  error?: string;
  warning?: string;
}

/* Takes the answer line by line; what it returns is appended to the file. `end` closes it. */
export class ExportWriter {
  rows = 0;
  readonly warnings: string[] = [];
  private table: string[] | undefined;
  private begun = false;

  /* `columns`: fields with a column of their own, in CSV. */
  constructor(
    private readonly format: ExportFormat,
    private readonly columns: readonly string[],
  ) {}

  /* Throws what the server says went wrong. */
  add(text: string): string {
    const line = JSON.parse(text) as Line;
    if (line.error !== undefined) throw new Error(line.error);
    if (line.warning !== undefined) this.warnings.push(line.warning);
    else if (line.columns !== undefined) this.table = line.columns;
    else return this.begin() + this.row(text, line);
    return "";
  }

  end(): string {
    return this.begin() + (this.format === "json" ? "\n]\n" : "");
  }

  private begin(): string {
    if (this.begun) return "";
    this.begun = true;
    if (this.format === "json") return "[\n";
    return this.format === "csv" ? csvLine(this.table ?? ["time", ...this.columns, "line", "labels", "fields"]) : "";
  }

  private row(text: string, { time = "", line = "", labels = {}, fields = {} }: Line): string {
    this.rows++;
    if (this.format === "ndjson") return `${text}\n`;
    if (this.format === "json") return this.rows === 1 ? text : `,\n${text}`;
    const value = (name: string) =>
      Object.hasOwn(fields, name) ? fields[name] : Object.hasOwn(labels, name) ? labels[name] : undefined;
    const cells = (names: readonly string[]) => names.map((name) => value(name) ?? "");
    if (this.table) return csvLine(cells(this.table));
    return csvLine([time, ...cells(this.columns), line, JSON.stringify(labels), JSON.stringify(fields)]);
  }
}

import { expect, test } from "vitest";
import { csvCell, ExportWriter, type ExportFormat } from "./exportFormat";

const ROWS = [
  { id: "2-1", time: "T2", labels: { app: "a" }, line: 'say "hi",\nyou', fields: { user: "ann" } },
  { id: "1-1", time: "T1", labels: { app: "b" }, line: "=1+1", fields: {} },
].map((row) => JSON.stringify(row));

function write(format: ExportFormat, lines: string[], columns: string[] = []): string {
  const writer = new ExportWriter(format, columns);
  return lines.map((line) => writer.add(line)).join("") + writer.end();
}

test("NDJSON is what came", () => expect(write("ndjson", ROWS)).toBe(`${ROWS.join("\n")}\n`));

test("JSON is one array, also of nothing", () => {
  expect(JSON.parse(write("json", ROWS))).toEqual(ROWS.map((row) => JSON.parse(row) as unknown));
  expect(JSON.parse(write("json", []))).toEqual([]);
});

test("CSV has the chosen fields as columns and every byte of the line", () => {
  expect(write("csv", ROWS, ["user", "app"])).toBe(
    'time,user,app,line,labels,fields\r\nT2,ann,a,"say ""hi"",\nyou","{""app"":""a""}","{""user"":""ann""}"\r\n' +
      'T1,,b,=1+1,"{""app"":""b""}",{}\r\n',
  );
  expect(["a b", "a,b", 'a"b', "a\rb"].map(csvCell)).toEqual(["a b", '"a,b"', '"a""b"', '"a\rb"']);
});

test("a table has its own columns", () => {
  const row = JSON.stringify({ labels: {}, line: "x", fields: { count: "5", user: "ann", __proto__: 1 } });
  expect(write("csv", ['{"columns":["user","count"]}', row])).toBe("user,count\r\nann,5\r\n");
});

test("an error ends it, a warning is kept", () => {
  const writer = new ExportWriter("csv", []);
  expect(writer.add('{"warning":"damaged"}')).toBe("");
  expect(writer.warnings).toEqual(["damaged"]);
  expect(() => writer.add('{"error":"too much"}')).toThrow("too much");
});

import { useEffect, useRef, useState } from "react";
import { exportLines, exportUrl, type SearchRequest } from "@/api/search";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { Popover } from "@/components/Popover";
import { saveAs } from "@/components/saveAs";
import { EXPORT_FORMATS, EXPORT_TYPES, ExportWriter, type ExportFormat } from "@/lib/exportFormat";
import { formatCount } from "@/lib/format";
import { strings } from "@/strings";

const text = strings.exporting;
const SAID_EVERY_MS = 200;

type Progress =
  | { kind: "idle" }
  | { kind: "running"; rows: number }
  | { kind: "done"; rows: number; warnings: string[] }
  | { kind: "failed"; message: string };

/* All rows of the query, not only those that are held, as a file. */
export function ExportMenu({ request, columns }: { request: SearchRequest; columns: readonly string[] }) {
  const [progress, setProgress] = useState<Progress>({ kind: "idle" });
  const control = useRef<AbortController>(undefined);
  useEffect(() => () => control.current?.abort(), []);

  const run = async (format: ExportFormat) => {
    control.current = new AbortController();
    const { signal } = control.current;
    const writer = new ExportWriter(format, columns);
    let said = 0;
    async function* pieces() {
      for await (const line of exportLines(request, signal)) {
        yield writer.add(line);
        if (performance.now() - said < SAID_EVERY_MS) continue;
        said = performance.now();
        setProgress({ kind: "running", rows: writer.rows });
      }
      yield writer.end();
    }
    try {
      setProgress({ kind: "running", rows: 0 });
      await saveAs(`bole-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.${format}`, EXPORT_TYPES[format], pieces());
      setProgress({ kind: "done", rows: writer.rows, warnings: writer.warnings });
    } catch (error) {
      setProgress(signal.aborted ? { kind: "idle" } : { kind: "failed", message: (error as Error).message });
    }
  };

  return (
    <Popover icon="download" title={text.title} className="export">
      {() => (
        <div className="export-panel">
          <p className="dim">{text.help}</p>
          <p className="export-formats">
            {EXPORT_FORMATS.map((format) => (
              <Button key={format} disabled={progress.kind === "running"} onClick={() => void run(format)}>
                {text.formats[format]}
              </Button>
            ))}
            {/* An address has no quote that is not escaped. */}
            <CopyButton text={`curl '${exportUrl(request).href}'`} title={text.curlTitle}>
              {text.curl}
            </CopyButton>
          </p>
          <p role="status">
            {progress.kind === "running" && (
              <>
                {text.running(formatCount(progress.rows))}{" "}
                <Button kind="quiet" icon="stop" onClick={() => control.current?.abort()}>
                  {strings.query.cancel}
                </Button>
              </>
            )}
            {progress.kind === "done" && text.done(formatCount(progress.rows))}
            {progress.kind === "done" && progress.warnings.map((warning) => <span key={warning}> {warning}</span>)}
            {progress.kind === "failed" && <span className="problem">{text.failed(progress.message)}</span>}
          </p>
        </div>
      )}
    </Popover>
  );
}

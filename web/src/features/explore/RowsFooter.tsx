import { Button } from "@/components/Button";
import { ROWS_HELD_MAX } from "@/limits";
import { strings } from "@/strings";
import type { useRows } from "./useExplore";

const text = strings.rows;

/* Below the last row: that more is coming, that it failed, or that this was all. */
export function RowsFooter({ more }: { more: ReturnType<typeof useRows>["more"] }) {
  if (more.error)
    return (
      <p className="rows-footer problem" role="alert">
        {text.moreFailed}
        {more.error.message} <Button onClick={() => void more.load()}>{text.retry}</Button>
      </p>
    );
  if (more.loading)
    return (
      <p className="rows-footer" role="status">
        {text.loadingMore}
      </p>
    );
  if (more.heldMax) return <p className="rows-footer">{text.heldMax(ROWS_HELD_MAX)}</p>;
  if (more.available)
    return (
      <p className="rows-footer">
        <Button kind="quiet" onClick={() => void more.load()}>
          {text.more}
        </Button>
      </p>
    );
  return <p className="rows-footer">{text.end}</p>;
}

import { Button } from "@/components/Button";
import { SET_ROWS_MAX } from "@/limits";
import { strings } from "@/strings";
import type { useSearch } from "./useExplore";

const text = strings.rows;

/* Below the last row: that more is coming, that it failed, or that this was all. */
export function RowsFooter({ search, isSet }: { search: ReturnType<typeof useSearch>; isSet: boolean }) {
  const { window, loading, moreError, session } = search;
  const more = () => void session.more("below");
  if (moreError)
    return (
      <p className="rows-footer problem" role="alert">
        {text.moreFailed}
        {moreError.message} <Button onClick={more}>{text.retry}</Button>
      </p>
    );
  if (loading === "below")
    return (
      <p className="rows-footer" role="status">
        {text.loadingMore}
      </p>
    );
  if (window.below)
    return (
      <p className="rows-footer">
        <Button kind="quiet" onClick={more}>
          {text.more}
        </Button>
      </p>
    );
  return <p className="rows-footer">{isSet && window.rows.length >= SET_ROWS_MAX ? text.setMax(SET_ROWS_MAX) : text.end}</p>;
}

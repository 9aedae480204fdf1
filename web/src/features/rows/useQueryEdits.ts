import { useCallback, useEffect, useRef } from "react";
import type { ChangeView, View } from "@/app/view";
import { appendStage } from "@/logql/edit";
import { filterQuery } from "./filterQuery";
import type { FieldFilter } from "./RowDetail";

/* What a row may change in the query, as functions that stay the same: rows are not drawn again for them. */
export function useQueryEdits(view: View, onChange: ChangeView) {
  const latest = useRef(view);
  useEffect(() => {
    latest.current = view;
  });
  const onFilter = useCallback(
    (filter: FieldFilter) => onChange({ query: filterQuery(latest.current.query, filter) }),
    [onChange],
  );
  const onParse = useCallback(
    (stage: string) => onChange({ query: appendStage(latest.current.query, stage) }),
    [onChange],
  );
  return { onFilter, onParse };
}

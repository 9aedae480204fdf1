import { useEffect, useMemo, useRef } from "react";
import type { ChangeView, View } from "@/app/view";
import { appendStage } from "@/logql/edit";
import { filterQuery } from "./filterQuery";
import type { RowActions } from "./RowDetail";

/* What a row may change, as functions that stay the same: rows are not drawn again for them. */
export function useRowActions(
  view: View,
  onChange: ChangeView,
  search?: Required<Pick<RowActions, "linkTo" | "scope">>,
): RowActions {
  const latest = useRef(view);
  useEffect(() => {
    latest.current = view;
  });
  return useMemo(
    () => ({
      onFilter: (filter) => onChange({ query: filterQuery(latest.current.query, filter) }),
      onParse: (stage) => onChange({ query: appendStage(latest.current.query, stage) }),
      onColumn: (name) => onChange({ columns: toggled(latest.current.columns, name) }, "replace"),
      ...search,
    }),
    [onChange, search],
  );
}

export function toggled(names: readonly string[], name: string): string[] {
  return names.includes(name) ? names.filter((one) => one !== name) : [...names, name];
}

import type { ChangeView, View } from "@/app/view";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { isFieldName, sortOf, withSort, type Order } from "@/logql/edit";
import { strings } from "@/strings";
import { toggled } from "./useRowActions";

const NEXT: Record<Order | "none", Order | undefined> = { none: "desc", desc: "asc", asc: undefined };

interface Props {
  columns: readonly string[];
  isTable: boolean;
  view: View;
  onChange: ChangeView;
}

/* Names of the columns: a click sorts all of the answer, on the server. */
export function ColumnHead({ columns, isTable, view, onChange }: Props) {
  const sorted = sortOf(view.query);
  return (
    <div className={`column-head${isTable ? " column-head-table" : ""}`}>
      {columns.map((name) => {
        const order = sorted?.name === name ? sorted.order : undefined;
        return (
          <span key={name} className="row-column">
            <button
              type="button"
              className="mono"
              disabled={!isFieldName(name)}
              title={strings.rows.sortBy(name)}
              onClick={() => onChange({ query: withSort(view.query, name, NEXT[order ?? "none"]) })}
            >
              {name}
              {order && <Icon name={order === "desc" ? "down" : "up"} size={11} />}
            </button>
            {!isTable && (
              <Button
                kind="quiet"
                icon="close"
                title={strings.rows.removeColumn(name)}
                onClick={() => onChange({ columns: toggled(columns, name) }, "replace")}
              />
            )}
          </span>
        );
      })}
    </div>
  );
}

import { Icon } from "@/components/Icon";
import { later } from "@/stringsLater";

/* In the place of a panel's answer: that it comes, failed, or is empty. */
export function PanelState({ pending, error }: { pending: boolean; error: Error | null }) {
  if (error)
    return (
      <p className="panel-state problem" role="alert">
        <Icon name="warning" />
        {error.message}
      </p>
    );
  if (pending)
    return (
      <div className="panel-skeleton" role="status" aria-label={later.panel.loading}>
        <i />
        <i />
        <i />
      </div>
    );
  return <p className="panel-state">{later.panel.empty}</p>;
}

import { ApiError } from "@/api/http";
import { later } from "@/stringsLater";
import { Button } from "./Button";
import { Notice } from "./Notice";

/* In the place of a list whose answer failed: why, and once more. */
export function Failed({ error, onAgain }: { error: Error; onAgain: () => void }) {
  const isAway = error instanceof ApiError && error.kind === "network";
  return (
    <Notice kind="error" icon={isAway ? "offline" : "warning"} title={later.pages.failed}>
      <p>{error.message}</p>
      <p className="notice-actions">
        <Button icon="refresh" onClick={onAgain}>
          {later.pages.again}
        </Button>
      </p>
    </Notice>
  );
}

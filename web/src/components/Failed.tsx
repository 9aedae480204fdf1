import { later } from "@/stringsLater";
import { Button } from "./Button";
import { Notice } from "./Notice";

/* In the place of a list whose answer failed: why, and once more. */
export function Failed({ error, onAgain }: { error: Error; onAgain: () => void }) {
  return (
    <Notice kind="error" icon="offline" title={later.pages.failed}>
      <p>{error.message}</p>
      <p className="notice-actions">
        <Button icon="refresh" onClick={onAgain}>
          {later.pages.again}
        </Button>
      </p>
    </Notice>
  );
}

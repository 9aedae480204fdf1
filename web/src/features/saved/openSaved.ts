import type { SavedDocument } from "@/api/saved";
import { parseView, type ChangeView } from "@/app/view";

/* A query takes the place of the one that is shown; a view brings everything that its address says. */
export function openSaved({ body }: SavedDocument, onChange: ChangeView): void {
  if (typeof body["address"] === "string") onChange(parseView(body["address"], {}));
  else if (typeof body["query"] === "string") onChange({ query: body["query"] });
}

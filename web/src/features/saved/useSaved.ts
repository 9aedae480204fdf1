/* useSaved.ts - lists of what is kept, and changes of it. */
import { useMutation, useQueries, useQueryClient } from "@tanstack/react-query";
import { deleteSaved, getSaved, listSaved, putSaved, type Saved, type SavedKind } from "@/api/saved";

export function useSavedLists(kinds: readonly SavedKind[]) {
  const answers = useQueries({
    queries: kinds.map((kind) => ({
      queryKey: ["saved", kind],
      queryFn: ({ signal }: { signal: AbortSignal }) => listSaved(kind, signal),
      staleTime: 0,
    })),
  });
  return {
    all: answers.flatMap((one) => one.data ?? []).sort((a, b) => a.name.localeCompare(b.name)),
    pending: answers.some((one) => one.isPending),
    error: answers.find((one) => one.error)?.error ?? null,
  };
}

interface Put {
  one: { kind: SavedKind; id: string; name: string; version: number };
  body: Record<string, unknown>;
}

/* Every change ends with fresh lists, a refused one too. */
export function useSavedChanges() {
  const client = useQueryClient();
  const onSettled = () => client.invalidateQueries({ queryKey: ["saved"] });
  const put = useMutation({ mutationFn: ({ one, body }: Put) => putSaved(one, body), onSettled });
  const rename = useMutation({
    mutationFn: async ({ one, name }: { one: Saved; name: string }) => {
      const { body, version } = await getSaved(one.kind, one.id);
      return putSaved({ ...one, name, version }, body);
    },
    onSettled,
  });
  const remove = useMutation({ mutationFn: deleteSaved, onSettled });
  return { put, rename, remove };
}

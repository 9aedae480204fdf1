/* useBoard.ts - a dashboard by its id: one that comes with the program, one of the server, or a new one. */
import { useQuery } from "@tanstack/react-query";
import { getSaved, type Saved } from "@/api/saved";
import { ShapeError } from "@/api/check";
import { ApiError } from "@/api/http";
import { strings } from "@/strings";
import { later } from "@/stringsLater";
import { readDashboard, type Dashboard } from "./model";
import { SHIPPED } from "./shipped";

export const NEW = "new";

interface Loaded {
  board: Dashboard | undefined;
  /* Where it lies on the server. */
  saved: Saved | undefined;
  error: Error | null;
}

export function useBoard(id: string): Loaded {
  const shipped = SHIPPED.find((one) => one.id === id)?.board;
  const known = shipped ?? (id === NEW ? empty : undefined);
  const answer = useQuery({
    queryKey: ["saved", "dashboard", id],
    queryFn: async ({ signal }) => {
      const { body, ...saved } = await getSaved("dashboard", id, signal);
      try {
        return { saved, board: readDashboard(body) };
      } catch (error) {
        if (error instanceof ShapeError) throw new ApiError("shape", strings.errors.unexpected(error.message));
        throw error;
      }
    },
    enabled: known === undefined,
    staleTime: 0,
  });
  if (known) return { board: known, saved: undefined, error: null };
  return { board: answer.data?.board, saved: answer.data?.saved, error: answer.error };
}

export const empty: Dashboard = { title: later.boards.untitled, description: "", variables: [], panels: [] };

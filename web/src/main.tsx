import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "uplot/dist/uPlot.min.css";
import { ApiError } from "@/api/http";
import { App } from "@/app/App";
import { applyTheme } from "@/app/theme";
import "@/styles/tokens.css";
import "@/styles/base.css";
import "@/styles/layout.css";
import "@/styles/query.css";
import "@/styles/charts.css";
import "@/styles/results.css";
import "@/styles/rows.css";
import "@/styles/patterns.css";

const RETRIES = 2;

applyTheme();

const client = new QueryClient({
  defaultOptions: {
    queries: {
      /* What the server refused, it will refuse again. */
      retry: (failures, error) =>
        error instanceof ApiError && error.kind !== "refused" && error.kind !== "shape" && failures < RETRIES,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      staleTime: Infinity,
      gcTime: 60_000,
      /* A page on a loopback address must work without a network. */
      networkMode: "always",
    },
  },
});

const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );

import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/* `npm run dev` shows a live bole: its address comes from the environment, as for the command line tools. */
const server = process.env["BOLE_URL"] ?? "http://127.0.0.1:3100";

/* The server answers a WebSocket only to pages of its own. */
const proxy = { target: server, ws: true, changeOrigin: true, headers: { origin: server } };

export default defineConfig({
  /* Relative, so that the page also works behind a proxy that mounts bole below a path. */
  base: "./",
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    /* A data: URL would need a wider Content-Security-Policy than default-src 'self'. */
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/loki": proxy, "/api": proxy } },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});

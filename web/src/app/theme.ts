/* theme.ts - dark or light: the system's choice unless the user made one. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { readStored, writeStored } from "./stored";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "bole.theme";
const darkMedia = window.matchMedia("(prefers-color-scheme: dark)");

function storedTheme(): Theme {
  const stored = readStored<string>(KEY, "system");
  return THEMES.find((theme) => theme === stored) ?? "system";
}

/* Called before the first paint. */
export function applyTheme(theme: Theme = storedTheme()): void {
  const dark = theme === "dark" || (theme === "system" && darkMedia.matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

export function useTheme(): [Theme, next: () => void, set: (theme: Theme) => void] {
  const [theme, setTheme] = useState(storedTheme);
  useEffect(() => {
    const apply = () => applyTheme(theme);
    apply();
    writeStored(KEY, theme);
    darkMedia.addEventListener("change", apply);
    return () => darkMedia.removeEventListener("change", apply);
  }, [theme]);
  const next = () => setTheme((now) => THEMES[(THEMES.indexOf(now) + 1) % THEMES.length] ?? "system");
  return [theme, next, setTheme];
}

function subscribe(listener: () => void): () => void {
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => observer.disconnect();
}

/* For canvases, which cannot use CSS variables: changes when the colours do. */
export function usePaintedTheme(): string {
  return useSyncExternalStore(subscribe, () => document.documentElement.dataset["theme"] ?? "light");
}

export function cssToken(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

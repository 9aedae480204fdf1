import { useEffect, useState } from "react";
import { strings } from "@/strings";
import { Button } from "./Button";
import type { IconName } from "./Icon";

const SHOWN_MS = 1_200;

/* The clipboard API exists on secure origins only; elsewhere a hidden text area still works. */
export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      /* not allowed: the other way */
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

interface Props {
  text: string;
  title: string;
  icon?: IconName;
  children?: string;
}

export function CopyButton({ text, title, icon = "copy", children }: Props) {
  const [result, setResult] = useState<boolean>();
  useEffect(() => {
    if (result === undefined) return;
    const timer = window.setTimeout(() => setResult(undefined), SHOWN_MS);
    return () => window.clearTimeout(timer);
  }, [result]);
  const said = result === undefined ? undefined : result ? strings.detail.copied : strings.detail.copyFailed;
  return (
    <Button
      kind="quiet"
      icon={result ? "check" : icon}
      title={said ?? title}
      onClick={() => void copyText(text).then(setResult)}
    >
      {children === undefined ? undefined : (said ?? children)}
    </Button>
  );
}

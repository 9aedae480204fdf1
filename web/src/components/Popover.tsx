import { useEffect, useRef, useState, type ReactNode } from "react";
import { Button } from "./Button";
import type { IconName } from "./Icon";

/* A panel below a button. Closes on Escape, on a click elsewhere, and when the focus leaves it. */
export function Popover({
  icon,
  text,
  title,
  label = text === undefined ? title : undefined,
  className = "",
  children,
}: {
  icon?: IconName;
  text?: ReactNode;
  title: string;
  /* What it is called where the text does not say it. */
  label?: string | undefined;
  className?: string;
  children: (close: () => void) => ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!open) return;
    const elsewhere = (event: Event) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    document.addEventListener("focusin", elsewhere);
    return () => {
      document.removeEventListener("pointerdown", elsewhere);
      document.removeEventListener("focusin", elsewhere);
    };
  }, [open]);

  const close = () => {
    setOpen(false);
    root.current?.querySelector<HTMLButtonElement>(":scope > button")?.focus();
  };

  return (
    <div
      className={`popover ${className}`}
      ref={root}
      onKeyDown={(event) => {
        if (event.key === "Escape" && open) {
          event.stopPropagation();
          close();
        }
      }}
    >
      <Button
        {...(icon && { icon })}
        title={title}
        {...(label !== undefined && { "aria-label": label })}
        aria-expanded={open}
        aria-haspopup="dialog"
        onClick={() => setOpen(!open)}
      >
        {text}
      </Button>
      {open && (
        <div className="popover-panel" role="dialog" aria-label={title}>
          {children(close)}
        </div>
      )}
    </div>
  );
}

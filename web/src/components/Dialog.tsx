import { useEffect, useId, useRef, type ReactNode } from "react";
import { Button } from "./Button";

/* A window over the page: closes on Escape, on a click beside it, and with its button. */
export function Dialog({
  title,
  close,
  className = "",
  onClose,
  children,
}: {
  title: string;
  /* What the button that closes it says; without it there is no head. */
  close?: string;
  className?: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`dialog ${className}`}
      {...(close === undefined ? { "aria-label": title } : { "aria-labelledby": id })}
      onClose={onClose}
      onPointerDown={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      {close !== undefined && (
        <header>
          <h2 id={id}>{title}</h2>
          <Button kind="quiet" icon="close" title={close} onClick={onClose} />
        </header>
      )}
      {children}
    </dialog>
  );
}

import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";

/* Fills the place where an answer would be: what happened, and what to do. */
export function Notice({
  icon,
  title,
  children,
  kind = "calm",
}: {
  icon: IconName;
  title: string;
  children?: ReactNode;
  kind?: "calm" | "error";
}) {
  return (
    <div className={`notice notice-${kind}`} role={kind === "error" ? "alert" : "status"}>
      <Icon name={icon} size={28} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/* One line above content that stays. */
export function Banner({ icon, children }: { icon: IconName; children: ReactNode }) {
  return (
    <div className="banner" role="alert">
      <Icon name={icon} />
      <span>{children}</span>
    </div>
  );
}

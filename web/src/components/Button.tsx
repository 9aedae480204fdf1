import type { ComponentProps } from "react";
import { Icon, type IconName } from "./Icon";

/* With an icon alone the title is its name for everyone. */
type Props = ComponentProps<"button"> & { icon?: IconName; kind?: "plain" | "primary" | "quiet"; pressed?: boolean };

export function Button({ icon, kind = "plain", pressed, children, className = "", title, ...rest }: Props) {
  const bare = children === undefined;
  return (
    <button
      type="button"
      className={`button button-${kind}${bare ? " button-bare" : ""} ${className}`}
      title={title}
      {...(bare && title !== undefined && { "aria-label": title })}
      {...(pressed !== undefined && { "aria-pressed": pressed })}
      {...rest}
    >
      {icon && <Icon name={icon} />}
      {children !== undefined && <span className="button-text">{children}</span>}
    </button>
  );
}

export function Segments<T extends string | number>({
  label,
  value,
  choices,
  onChange,
}: {
  label: string;
  value: T;
  choices: readonly { value: T; text: string }[];
  onChange: (value: T) => void;
}) {
  return (
    <div className="segments" role="group" aria-label={label}>
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          aria-pressed={choice.value === value}
          onClick={() => onChange(choice.value)}
        >
          {choice.text}
        </button>
      ))}
    </div>
  );
}

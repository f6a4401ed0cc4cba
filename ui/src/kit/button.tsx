import { type ComponentProps, type ReactNode, useId } from "react";
import { visible } from "./text";

interface Props extends Omit<ComponentProps<"button">, "disabled"> {
  look?: "main" | "danger" | "quiet" | undefined;
  /** Why it cannot be used now; it stays where it is, can be reached by keyboard, and says so (`Tips`). */
  why?: string | null | undefined;
  /** What it changes, for those who look whether every change is held back. */
  "data-change"?: string;
  children: ReactNode;
}

export function Button({ look, why, children, onClick, ...rest }: Props) {
  const id = useId();
  return (
    <>
      <button
        type="button"
        className="button"
        data-look={look}
        aria-disabled={why != null ? true : undefined}
        aria-describedby={why != null ? id : undefined}
        {...rest}
        onClick={(event) => {
          if (why != null) event.preventDefault();
          else onClick?.(event);
        }}
      >
        {children}
      </button>
      {why == null ? null : (
        <span id={id} className="visually-hidden">
          {visible(why)}
        </span>
      )}
    </>
  );
}

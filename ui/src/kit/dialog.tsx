import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { visible } from "./text";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** What it is about, in a line. */
  about?: string;
  children: ReactNode;
}

/** A dialog that takes the focus and gives it back. */
export function Dialog({ open, onOpenChange, title, about, children }: Props) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="overlay" />
        <Radix.Content className="dialog" {...(about === undefined ? { "aria-describedby": undefined } : {})}>
          <Radix.Title>{visible(title)}</Radix.Title>
          {about === undefined ? null : <Radix.Description className="muted">{about}</Radix.Description>}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

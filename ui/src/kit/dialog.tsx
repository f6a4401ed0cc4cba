import { Dialog as Radix } from "radix-ui";
import { type ReactNode, useState } from "react";
import { visible } from "./text";

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** What it is about, in a line. */
  about?: string;
  children: ReactNode;
}

/** A dialog that takes the focus and gives it back to what opened it; to the page, where that is gone. */
export function Dialog({ open, onOpenChange, title, about, children }: Props) {
  // It is drawn when it is opened: what has the focus then opened it.
  const [opener] = useState(() => document.activeElement);
  const giveBack = (event: Event) => {
    event.preventDefault();
    const place = opener?.isConnected === true && opener !== document.body ? opener : document.getElementById("main");
    if (place instanceof HTMLElement) place.focus();
  };
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="overlay" />
        <Radix.Content
          className="dialog"
          onCloseAutoFocus={giveBack}
          {...(about === undefined ? { "aria-describedby": undefined } : {})}
        >
          <Radix.Title>{visible(title)}</Radix.Title>
          {about === undefined ? null : <Radix.Description className="muted">{about}</Radix.Description>}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

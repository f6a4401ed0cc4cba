import type { ReactNode } from "react";
import { visible } from "./text";

/** A page's title, in the window as well, and what can be done from it. */
export function Page({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <>
      <title>{`${visible(title)} · Exchequer`}</title>
      <div className="page-title">
        <h1>{visible(title)}</h1>
        {actions}
      </div>
      {children}
    </>
  );
}

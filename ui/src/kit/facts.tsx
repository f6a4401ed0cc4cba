import type { ReactNode } from "react";
import { safe, visible } from "./text";

/** Names and values under one another; what has no value is left out. */
export function Facts({ of }: { of: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {of.map(([name, value]) =>
        value === undefined || value === null ? null : (
          <div key={name} style={{ display: "contents" }}>
            <dt>{visible(name)}</dt>
            <dd>{safe(value)}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

/** Values as they are shown: moments, amounts, ids, and text that others wrote. */
import { Copy } from "lucide-react";
import { useSyncExternalStore } from "react";
import { grouped, relative, shortened, utc, visible } from "./text";
import { toast } from "./toast";

const TICK_MS = 1_000;
const tickers = new Set<() => void>();
let now = Date.now();
window.setInterval(() => {
  now = Date.now();
  for (const ticker of tickers) ticker();
}, TICK_MS);

function tick(ticker: () => void): () => void {
  tickers.add(ticker);
  return () => tickers.delete(ticker);
}

/** The present moment, second by second. */
export function useNow(): number {
  return useSyncExternalStore(tick, () => now);
}

/** A moment: how long ago, and when exactly on hover. */
export function When({ at }: { at: string | null | undefined }) {
  const moment = at == null ? Number.NaN : Date.parse(at);
  // What is asked each second is the text: a list of many moments draws those alone whose text has become another one.
  const text = useSyncExternalStore(tick, () => (Number.isNaN(moment) ? "" : relative(moment, now)));
  if (at == null) return <span className="muted">never</span>;
  if (Number.isNaN(moment)) return <span>{visible(at)}</span>;
  return (
    <time dateTime={at} title={utc(moment)}>
      {text}
    </time>
  );
}

/** An amount in full precision, with its asset. */
export function Amount({ value, asset }: { value: string | number | null | undefined; asset?: string | undefined }) {
  if (value == null) return <span className="muted">unknown</span>;
  return (
    <span className="number">
      {visible(grouped(String(value)))}
      {asset === undefined ? "" : `\u00a0${visible(asset)}`}
    </span>
  );
}

/** Copies a text, and tells whether that was done. */
export function copy(text: string, done = "Copied."): void {
  navigator.clipboard.writeText(text).then(
    () => {
      toast(done);
    },
    () => {
      toast("The browser does not let this page copy.", "bad");
    },
  );
}

/** An id that can be copied whole. */
export function Id({ of, chars }: { of: string | null | undefined; chars?: number }) {
  if (of == null || of === "") return <span className="muted">none</span>;
  return (
    <span className="row" style={{ gap: "0.3rem", flexWrap: "nowrap", display: "inline-flex" }}>
      <span className="code" title={visible(of)}>
        {shortened(visible(of), chars)}
      </span>
      <button
        type="button"
        className="button"
        data-look="quiet"
        style={{ minHeight: "1.5rem", padding: "0 0.2rem" }}
        aria-label={`Copy ${visible(of)}`}
        onClick={() => copy(of)}
      >
        <Copy aria-hidden="true" size={13} />
      </button>
    </span>
  );
}

/** Text that somebody else wrote: labels, memos, errors, token names. */
export function Foreign({ children }: { children: string | null | undefined }) {
  return <>{visible(children ?? "")}</>;
}

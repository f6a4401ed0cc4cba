/** Which time a page is about, chosen and kept in the address: the same on every page that has one. */
import { useState } from "react";
import { Choice, Input } from "./field";
import { isWhole, momentOf, ofField, PRESETS, type Range, REFRESH_MS, refreshOf, toField } from "./range";

interface Props {
  range: Range;
  set: (next: Range) => void;
}

const CUSTOM = "custom";

function chosen(range: Range): string {
  if (isWhole(range)) return "";
  const isPreset = PRESETS.some(([from]) => from === range.from) && range.to === "now";
  return isPreset && range.from !== undefined ? range.from : CUSTOM;
}

export function TimeRange({ range, set }: Props) {
  const choice = chosen(range);
  const choose = (next: string) => {
    if (next === "") set({ ...range, from: undefined, to: undefined });
    else if (next !== CUSTOM) set({ ...range, from: next, to: "now" });
    else set({ ...range, ...fixed(range) });
  };
  return (
    <>
      <Choice
        label="Time"
        of={[["", "any"], ...PRESETS, [CUSTOM, "from … to …"]]}
        value={choice}
        onChange={(event) => choose(event.target.value)}
      />
      {choice === CUSTOM ? (
        <>
          <Moment label="From" of={range.from} zone={range.zone} set={(from) => set({ ...range, from })} />
          <Moment label="To" of={range.to} zone={range.zone} set={(to) => set({ ...range, to })} />
        </>
      ) : null}
      <Choice
        label="Told in"
        of={[
          ["", "UTC"],
          ["local", "local time"],
        ]}
        value={range.zone ?? ""}
        onChange={(event) => set({ ...range, zone: event.target.value === "local" ? "local" : undefined })}
      />
      {range.to === "now" ? (
        <Choice
          label="Look again"
          of={[
            ["", "when asked"],
            ...Object.keys(REFRESH_MS).map((every) => [every, `every ${every.replace("s", " s")}`] as const),
          ]}
          value={range.refresh ?? ""}
          onChange={(event) => set({ ...range, refresh: refreshOf(event.target.value) })}
        />
      ) : null}
    </>
  );
}

/** What was relative until now, in moments that stay; the last hour, where there was nothing. */
function fixed({ from, to }: Range): Pick<Range, "from" | "to"> {
  const now = Date.now();
  const of = (text: string) => ofField(toField(momentOf(text, now) ?? now, undefined), undefined);
  return { from: of(from ?? "now-1h"), to: of(to ?? "now") };
}

interface MomentProps {
  label: string;
  of: string | undefined;
  zone: Range["zone"];
  set: (next: string | undefined) => void;
}

/** It is taken when the field is left or Enter is pressed: half a moment is none. */
function Moment({ label, of, zone, set }: MomentProps) {
  const [opened] = useState(() => Date.now());
  const at = momentOf(of, opened);
  const shown = at === null ? "" : toField(at, zone);
  const take = (text: string) => {
    if (text !== shown) set(ofField(text, zone));
  };
  return (
    <Input
      label={`${label} (${zone === undefined ? "UTC" : "local"})`}
      type="datetime-local"
      step={1}
      // What is relative moves on; the field is drawn anew when the address is another one.
      key={`${String(of)} ${String(zone)}`}
      defaultValue={shown}
      onBlur={(event) => take(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") take(event.currentTarget.value);
      }}
    />
  );
}

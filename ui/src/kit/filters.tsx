/** What a list is narrowed to, kept in the address. */
import { Choice, Input } from "./field";

export const NETWORKS = ["bitcoin", "ethereum", "polygon", "bsc", "arbitrum", "tron"] as const;
export type NetworkName = (typeof NETWORKS)[number];

export function networkOf(text: string | undefined): NetworkName | undefined {
  return NETWORKS.find((name) => name === text);
}

interface OneOf {
  label: string;
  of: readonly string[];
  value: string | undefined;
  set: (value: string | undefined) => void;
}

/** One of several, or all. */
export function Narrow({ label, of, value, set }: OneOf) {
  return (
    <Choice
      label={label}
      of={[["", "all"], ...of.map((one) => [one, one] as const)]}
      value={value ?? ""}
      onChange={(event) => set(event.target.value === "" ? undefined : event.target.value)}
    />
  );
}

interface ByNumber {
  label: string;
  value: number | undefined;
  set: (value: number | undefined) => void;
}

/** A number, or any. It is taken when the field is left or Enter is pressed. */
export function NarrowNumber({ label, value, set }: ByNumber) {
  const take = (text: string) => {
    const next = /^\d{1,15}$/.test(text.trim()) ? Number(text.trim()) : undefined;
    // Whoever only comes by, with the tabulator, has not narrowed anything anew.
    if (next !== value) set(next);
  };
  return (
    <Input
      label={label}
      inputMode="numeric"
      size={8}
      key={String(value)}
      defaultValue={value === undefined ? "" : String(value)}
      onBlur={(event) => take(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") take(event.currentTarget.value);
      }}
    />
  );
}

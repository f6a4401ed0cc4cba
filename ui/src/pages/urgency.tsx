import { Status, type Tone } from "../kit/status";

const TONES: Readonly<Record<string, Tone>> = { P0: "bad", P1: "bad", P2: "warn", P3: "info" };

/** How urgent a discrepancy is, `P0` first. */
export function Urgency({ of: severity }: { of: string }) {
  return <Status tone={TONES[severity] ?? "info"}>{severity}</Status>;
}

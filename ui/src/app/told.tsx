/** What is told of a change that was made: what was done, in words, and where the audit has it. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

/** What was done by what stands on a button: whole labels first, then the words that labels begin with. */
const DONE: Readonly<Record<string, string>> = {
  "Back to before this": "Brought back to what held before",
  "Maintenance of a network": "Maintenance is begun or announced",
  "Maintenance of everything": "Maintenance is begun or announced",
  "Make leader": "Leadership was handed over",
  "New flag": "Made a flag",
  "New recovery codes": "Drew new recovery codes",
  "New admin": "Made an admin",
  "Pay out again": "Payouts go on",
  "Enrol it": "Enrolled",
  "Go on": "Lets go on",
  "Go on:": "Went on:",
  "Scan again": "Scans again",
  "Ask for": "Asked for",
  "Sign out": "Signed out",
  "Take it back": "Took back",
  Add: "Added",
  Announce: "Announced",
  Apply: "Applied",
  Assign: "Assigned",
  Begin: "Began",
  Cancel: "Cancelled",
  Change: "Changed",
  Close: "Closed",
  Confirm: "Confirmed",
  Decide: "Decided",
  Disable: "Disabled",
  Enable: "Enabled",
  End: "Ended",
  Enrol: "Enrolled",
  Freeze: "Froze",
  Give: "Gave",
  Halt: "Halted",
  List: "Listed",
  Make: "Made",
  Mark: "Marked",
  Move: "Moved",
  Note: "Noted",
  Open: "Opened",
  Pause: "Paused",
  Promote: "Promoted",
  Put: "Put",
  Refund: "Refunded",
  Register: "Registered",
  Reject: "Rejected",
  Release: "Released",
  Remove: "Removed",
  Replace: "Replaced",
  Reset: "Reset",
  Retry: "Retried",
  Restart: "Restarted",
  Resume: "Resumed",
  Retire: "Retired",
  Revoke: "Revoked",
  Save: "Saved",
  Send: "Sent",
  Set: "Set",
  Start: "Started",
  Stop: "Stopped",
  Switch: "Switched",
  Take: "Took",
  Transfer: "Transferred",
  Undo: "Undid",
  Unfreeze: "Unfroze",
  Unset: "Unset",
};

/** What was done, in words, by the label of its button; null where there are no words for it yet. */
export function wordsFor(label: string): string | null {
  const words = label.split(" ");
  for (let count = words.length; count > 0; count -= 1) {
    const done = DONE[words.slice(0, count).join(" ")];
    if (done !== undefined) return [done, ...words.slice(count)].join(" ");
  }
  return null;
}

/** What was done to what. */
export function doneTo(label: string, subject: string): string {
  return `${wordsFor(label) ?? `Made: ${label}`}: ${subject}.`;
}

/** Where in the audit a change is that was answered so; nothing where the answer names no entry. */
export function InAudit({ of }: { of: unknown }): ReactNode {
  if (typeof of !== "object" || of === null || !("index" in of) || typeof of.index !== "number") return null;
  return (
    <>
      {" "}
      <Link to="/audit" search={{ entry: of.index }}>
        In the audit
      </Link>
    </>
  );
}

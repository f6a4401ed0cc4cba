/** What a change would come to, read before it can be sent: nobody is to send what was not looked at. */
import type { Refused, Seen } from "../api/client";

/** Why it is held back: what it would come to is not read yet, or cannot be. */
export function unread(look: { data: Seen<unknown> | undefined; error: Refused | null }): string | null {
  if (look.error !== null) return `What it would come to could not be read: ${look.error.message} ${look.error.hint}`.trim();
  return look.data === undefined ? "What it would come to is being read." : null;
}

/**
 * Changes that were sent and not answered. They may have been made, so they outlive their dialog: whoever opens the same one again
 * finds what was sent, and sends it under the same id, so that it takes effect once. The same is what would send the same, not what is
 * called the same.
 *
 * The page itself may go on at another node, whose page is another one: what tells such a change there goes along in the address, behind
 * its `#`, which no server sees, and is taken out of it at once. That is its print, its id, its reason and when it was sent; what was filled in
 * stays behind.
 */
import { type Change, CommandIds, factsOf, printOf } from "../api/change";

export interface Draft<P, F> {
  /** What the dialog was about when it was opened; what becomes of the page meanwhile changes nothing of it. */
  props: P;
  form: F;
  reason: string;
  ids: CommandIds;
  /** When it was sent without an answer, in milliseconds since 1970; null where it was not. */
  sentAt: number | null;
  /** Whether that was at another node: what was filled in there is not known here. */
  isCarried?: true;
}

/** One that came along from another node. */
export type Carried = Pick<Draft<never, never>, "reason" | "ids" | "isCarried"> & { sentAt: number };

/**
 * Whoever sends again does so soon, in milliseconds. Later the thing may have been undone by others, and an id that was used already
 * would have no effect although it is answered as done.
 */
const KEPT_MS = 120_000;
/** More than this many are not remembered; the oldest is forgotten first. */
const KEPT_MAX = 64;
type Any = Draft<{ change: Change }, unknown>;
const kept = new Map<string, Any>();
/** By the print of what they are about. */
const carried = new Map<string, Carried>();

const isOlder = (sentAt: number | null, than: number) => sentAt !== null && Date.now() - sentAt > than;
const isOld = (sentAt: number | null) => isOlder(sentAt, KEPT_MS);
/** That it was sent at all is told for longer than it is sent again under its id: whoever has to sign in elsewhere takes a while. */
const TOLD_MS = 3_600_000;
const isForgotten = (sentAt: number) => isOlder(sentAt, TOLD_MS);

export function keepUnanswered(deed: string, draft: Any): void {
  // A name that was sent goes along before those that were only drawn.
  for (const [what, name] of [...names]) {
    if (!deed.includes(name)) continue;
    names.delete(what);
    names.set(what, name);
  }
  kept.delete(deed);
  kept.set(deed, draft);
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT_MAX) break;
    kept.delete(oldest);
  }
}

/** What was sent of a deed without an answer; its name says the change, so its kind is that of the asker. */
export function unansweredOf<P, F>(deed: string): Draft<P, F> | undefined {
  const draft = kept.get(deed) as Draft<P, F> | undefined;
  if (draft !== undefined && isOld(draft.sentAt)) {
    kept.delete(deed);
    return undefined;
  }
  return draft;
}

/** The same of what was sent at another node: its id, with which it is the same where the same is filled in. */
export function carriedOf(deed: string): Carried | undefined {
  const one = carried.get(printOf(deed));
  // Of its own: what is sent in one place takes nothing from what another one knows.
  return one === undefined || isOld(one.sentAt) ? undefined : { ...one, ids: new CommandIds(one.ids.kept) };
}

export function forgetUnanswered(deed: string): void {
  kept.delete(deed);
  carried.delete(printOf(deed));
}

/** Names that were drawn for what is made next, by what that is: the same name is the same thing for ever. */
const names = new Map<string, string>();

/** The name of what is made next, the same until it is forgotten. */
export function nameOf(what: string, draw: () => string): string {
  const name = names.get(what) ?? draw();
  names.set(what, name);
  return name;
}

export function forgetName(what: string): void {
  names.delete(what);
}

/** What says in an address that something comes along. */
const MARK = "#unanswered=";
/** An address takes no more, in characters; the oldest is left behind first. */
const CARRIED_CHARS_MAX = 8_000;
const NAMES_MAX = 16;

/** An address with what was sent here without an answer, for the page at another node. */
export function carrying(href: string): string {
  const all = new Map(
    [...carried].map(([deed, { ids, reason, sentAt }]) => [deed, [deed, ...ids.kept, reason, sentAt] as Entry]),
  );
  for (const [deed, { props, ids, reason, sentAt }] of kept) {
    const [print, id] = factsOf(props.change).once ? ids.kept : ["", ""];
    if (sentAt !== null) all.set(printOf(deed), [printOf(deed), print, id, reason, sentAt]);
  }
  const fresh = [...all.values()].filter((entry) => !isForgotten(entry[4])).sort((a, b) => b[4] - a[4]);
  const named = [...names].slice(-NAMES_MAX);
  const textOf = (count: number) => encodeURIComponent(JSON.stringify([fresh.slice(0, count), named]));
  let count = fresh.length;
  while (count > 0 && textOf(count).length > CARRIED_CHARS_MAX) count -= 1;
  if (count === 0 && named.length === 0) return href;
  const there = new URL(href);
  there.hash = MARK + textOf(count);
  return there.href;
}

/** The print of what it is about, that of what was sent, its id, its reason and when it was sent. */
type Entry = [deed: string, print: string, id: string, reason: string, sentAt: number];
const HEX = /^[0-9a-f]{32}$/;

/** Whether it is what a page of ours can have written: whoever makes such an address up gains no more than that a person looks twice. */
function isEntry(of: unknown): of is Entry {
  if (!Array.isArray(of)) return false;
  const [deed, print, id, reason, sentAt] = of as unknown[];
  const isHex = (text: unknown) => typeof text === "string" && HEX.test(text);
  const isNamed = (isHex(print) && isHex(id)) || (print === "" && id === "");
  return isHex(deed) && isNamed && typeof reason === "string" && typeof sentAt === "number" && sentAt <= Date.now();
}

/** Takes what came along out of the address. */
function take(): void {
  const { hash } = window.location;
  if (!hash.startsWith(MARK)) return;
  const here = new URL(window.location.href);
  here.hash = "";
  window.history.replaceState(window.history.state, "", here);
  let told: unknown;
  try {
    told = JSON.parse(decodeURIComponent(hash.slice(MARK.length)));
  } catch {
    return;
  }
  const [entries, named] = (Array.isArray(told) ? told : []) as unknown[];
  for (const entry of Array.isArray(entries) ? entries.slice(0, KEPT_MAX) : []) {
    if (!isEntry(entry) || isForgotten(entry[4])) continue;
    const [deed, print, id, reason, sentAt] = entry;
    carried.set(deed, { ids: new CommandIds([print, id]), reason, sentAt, isCarried: true });
  }
  for (const one of Array.isArray(named) ? named.slice(0, NAMES_MAX) : []) {
    const [what, name] = (Array.isArray(one) ? one : []) as unknown[];
    if (typeof what === "string" && typeof name === "string" && /^[a-z0-9-]{1,64}$/.test(name)) names.set(what, name);
  }
}

// Before the router reads the address.
take();

/** The ids of what came along, once: whoever comes to another node is told of it. */
export function takeTold(): string[] {
  const ids = [...carried.values()].filter(({ sentAt }) => !isForgotten(sentAt)).map(({ ids }) => ids.kept[1]);
  const fresh = isTold ? [] : ids;
  isTold = true;
  return fresh;
}
let isTold = false;

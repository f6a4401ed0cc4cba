// The pages that every cluster has (tests/places.json), with what must be on each once it has been read. Those that none has without being
// made to (tests/further.json) are made by cluster.mjs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const PLACES = JSON.parse(readFileSync(new URL("../places.json", import.meta.url), "utf8"));

const FURTHER = JSON.parse(readFileSync(new URL("../further.json", import.meta.url), "utf8"));
/** A discrepancy as the API would tell it: the console's own tests hold it to the API's description. */
const TOLD = JSON.parse(readFileSync(new URL("../discrepancy.json", import.meta.url), "utf8"));
/** What a place is a place of: the same for all jobs. */
const kindOf = ([path]) => path.replace(/=\w+$/, "=").replace(/[^/=]+$/, "");

/** All pages: those that every cluster has, those that were made, and one that is made up; an error where a kind was forgotten. */
export function everyPlace(made) {
  const kinds = new Set([...made, DISCREPANCY].map(kindOf));
  assert.deepEqual(new Set(FURTHER.map(kindOf)), kinds);
  return [...PLACES, ...made, DISCREPANCY];
}

/** A page whose place is nowhere in a cluster whose books agree with its chains; what it reads is made up by `tellDiscrepancy`. */
const DISCREPANCY = ["/reconciliation/1", "Discrepancy 1"];

/** Has the page be told of something that is missing. */
export async function tellDiscrepancy(page) {
  const at = new Date().toISOString();
  const told = { ...TOLD, first_seen_at: at, last_seen_at: at, story: TOLD.story.map((line) => ({ ...line, at })) };
  await page.route("**/v1/reconciliation/discrepancies/1", (route) => route.fulfill({ json: told }));
}

/** Waits until a page has been read: its title is there and none of its panels waits for a first answer. */
export async function read(page, title) {
  await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('[aria-busy="true"]').length === 0);
}

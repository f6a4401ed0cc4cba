// Every page (tests/places.json), with what must be on it once it has been read.
import { readFileSync } from "node:fs";

export const PLACES = JSON.parse(readFileSync(new URL("../places.json", import.meta.url), "utf8"));

/** Waits until a page has been read: its title is there and none of its panels waits for a first answer. */
export async function read(page, title) {
  await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('[aria-busy="true"]').length === 0);
}

import { fireEvent, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { press } from "../testing/deeds";
import { sampleOf } from "../testing/fake-node";
import { json, show } from "../testing/page";
import { pageBefore } from "./audit-reads";

afterEach(() => vi.unstubAllGlobals());

const MINUTE_MS = 60_000;

/** A node with an audit of so many records, one a minute, the last one now; each of a log entry of its own. */
function audit(count: number) {
  const asked: { after: number; limit: number }[] = [];
  const begun = Date.now();
  const record = (sequence: number) => ({
    ...sampleOf("AuditEntry", "full", 0),
    sequence,
    index: 10 * sequence,
    time: new Date(begun - (count - sequence) * MINUTE_MS).toISOString(),
    action: `did-${String(sequence)}`,
  });
  const first = (request: Request) => {
    const url = new URL(request.url);
    if (url.pathname !== "/v1/audit") return undefined;
    const limit = Number(url.searchParams.get("limit"));
    const after = Number(url.searchParams.get("after") ?? Math.max(0, count - limit));
    asked.push({ after, limit });
    const entries = Array.from({ length: Math.max(0, Math.min(limit, count - after)) }, (_, at) => record(after + at + 1));
    return Promise.resolve(json(200, { entries, head: count, next_after: null }));
  };
  return { asked, first };
}

const rows = () =>
  within(within(document.body).getByRole("region", { name: /^Records of the audit/ }))
    .getAllByRole("row")
    .slice(1);
const numbers = () => rows().map((row) => Number(within(row).getAllByRole("cell")[0]?.textContent));
const words = () => document.querySelector(".main")?.textContent ?? "";

describe("the audit", () => {
  // Goal: no record is left out or shown twice between pages. Method: back from the newest page to the first record.
  it("is turned page by page to its first record", async () => {
    const { first } = audit(450);
    await show("/audit", "full", { first });
    expect(words()).toContain("did-450");
    await press("Older");
    await waitFor(() => expect(words()).toContain("did-250"));
    expect(words()).not.toContain("did-251");
    await press("Older");
    await waitFor(() => expect(words()).toContain("did-50"));
    expect(numbers().at(-1)).toBe(1);
    expect(within(document.body).getByRole("button", { name: "Older" }).getAttribute("aria-disabled")).toBe("true");
  });

  it.each([
    [undefined, { limit: 200 }],
    [251, { after: 50, limit: 200 }],
    [51, { after: 0, limit: 50 }],
    [1, { after: 0, limit: 1 }],
  ])("asks for those before %s", (before, query) => {
    expect(pageBefore(before, 200)).toEqual(query);
  });

  // Goal: a time is looked for until nothing older can be of it, and that is said. Method: an audit of a record a minute, and an hour of it.
  it("shows what is of a time, and that it is all", async () => {
    const { asked, first } = audit(3_000);
    await show("/audit?from=now-1h&to=now", "full", { first });
    expect(words()).toContain("60 of the 1000 records that were looked at");
    expect(words()).toContain("No earlier one is of these.");
    expect(asked).toEqual([{ after: 2_000, limit: 1_000 }]);
  });

  // Goal: where it is too much to look through, it is said how far that went, and one can go on from there. Method: more records than are
  // looked through at once, and a time before all of them.
  it("says how far it looked, and looks further", async () => {
    const { asked, first } = audit(12_500);
    const to = new Date(Date.now() - 12_000 * MINUTE_MS).toISOString();
    await show(`/audit?to=${encodeURIComponent(to)}`, "full", { first });
    expect(words()).toContain("0 of the 10000 records that were looked at, back to number 2501");
    expect(words()).toContain("Earlier ones were not looked at.");
    expect(asked).toHaveLength(10);
    await press("Look further back");
    await waitFor(() => expect(words()).toContain("records before number 2501 that were looked at"));
    await waitFor(() => expect(words()).toContain("No earlier one is of these."));
    expect(words()).toMatch(/(499|500|501) of the 2500 records/);
  });

  // Goal: the link of a change that was made leads to its record. Method: one log entry among many.
  it("shows the records of a log entry", async () => {
    const { asked, first } = audit(3_000);
    await show("/audit?entry=15000", "full", { first });
    expect(numbers()).toEqual([1_500]);
    expect(asked).toHaveLength(2);
  });
});

describe("the time range", () => {
  const choose = (label: string, value: string) =>
    fireEvent.change(within(document.body).getByLabelText(label), { target: { value } });

  // Goal: a preset, two moments of one's own, and the time they are told in all change what is shown. Method: each is chosen in turn.
  it("is chosen", async () => {
    const { first } = audit(3_000);
    await show("/audit", "full", { first });
    choose("Time", "now-15m");
    await waitFor(() => expect(words()).toContain("15 of the 1000 records"));
    choose("Time", "custom");
    const field = await waitFor(() => within(document.body).getByLabelText<HTMLInputElement>("From (UTC)"));
    const earlier = new Date(Date.parse(`${field.value}Z`) - 30 * MINUTE_MS).toISOString().slice(0, 19);
    fireEvent.change(field, { target: { value: earlier } });
    fireEvent.blur(field);
    await waitFor(() => expect(words()).toMatch(/4[456] of the 1000 records/));
    choose("Told in", "local");
    await waitFor(() => expect(within(document.body).getByLabelText("From (local)")).toBeTruthy());
    expect(rows()[0]?.textContent).toMatch(/ local/);
    choose("Time", "");
    await waitFor(() => expect(words()).toContain("The latest records"));
  });
});

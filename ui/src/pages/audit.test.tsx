import { fireEvent, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { press } from "../testing/deeds";
import { sampleOf } from "../testing/fake-node";
import { json, show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const MINUTE_MS = 60_000;

/** A node with an audit of so many records, one a minute, the last one now; each of a log entry of its own. */
function audit(count: number) {
  const asked: Record<string, string>[] = [];
  const begun = Date.now();
  const record = (sequence: number) => ({
    ...sampleOf("AuditEntry", "full", 0),
    sequence,
    index: 10 * sequence,
    time: new Date(begun - (count - sequence) * MINUTE_MS).toISOString(),
    action: `did-${String(sequence)}`,
  });
  const all = Array.from({ length: count }, (_, at) => record(at + 1));
  const first = (request: Request) => {
    const url = new URL(request.url);
    if (url.pathname !== "/v1/audit") return undefined;
    const query = Object.fromEntries(url.searchParams);
    asked.push(query);
    const { limit, before, index, from, to } = query;
    const fitting = all.filter(
      (one) =>
        (before === undefined || one.sequence < Number(before)) &&
        (index === undefined || one.index === Number(index)) &&
        (from === undefined || Date.parse(one.time) >= Date.parse(from)) &&
        (to === undefined || Date.parse(one.time) <= Date.parse(to)),
    );
    const entries = fitting.slice(-Number(limit));
    const next_before = entries.length < fitting.length ? entries[0]?.sequence : null;
    return Promise.resolve(json(200, { entries, head: count, next_after: null, next_before, looked_through: entries.length }));
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

  // Goal: a time is looked for by the node, and it is said that this is all of it. Method: an audit of a record a minute, and an hour of it.
  it("shows what is of a time, and that it is all", async () => {
    const { asked, first } = audit(3_000);
    await show("/audit?from=now-1h&to=now", "full", { first });
    expect(words()).toContain("60 records. No earlier one is of these.");
    expect(asked.map((query) => Object.keys(query))).toEqual([["limit", "from"]]);
    const since = Date.now() - Date.parse(asked[0]?.["from"] ?? "");
    expect(since).toBeGreaterThanOrEqual(60 * MINUTE_MS);
    expect(since).toBeLessThan(61 * MINUTE_MS);
  });

  // Goal: where there is more of a time than a page holds it is said, and one can go on from there. Method: more records than a page.
  it("says that there is more, and goes on", async () => {
    const { asked, first } = audit(3_000);
    const to = new Date(Date.now() - 2_749.5 * MINUTE_MS).toISOString();
    await show(`/audit?to=${encodeURIComponent(to)}`, "full", { first });
    expect(words()).toContain("200 records. It goes on before number 51: earlier ones are not shown here.");
    await press("Older");
    await waitFor(() => expect(words()).toContain("50 records before number 51. No earlier one is of these."));
    expect(asked).toEqual([
      { limit: "200", to },
      { limit: "200", before: "51", to },
    ]);
  });

  // Goal: the link of a change that was made leads to its record. Method: one log entry among many.
  it("shows the records of a log entry", async () => {
    const { asked, first } = audit(3_000);
    await show("/audit?entry=15000", "full", { first });
    expect(numbers()).toEqual([1_500]);
    expect(asked).toEqual([{ limit: "200", index: "15000" }]);
  });

  // Goal: another zone is not another question. Method: the records of a log entry, told in local time, then those of a time.
  it("keeps the log entry when the zone is another one", async () => {
    const { first } = audit(3_000);
    const { address } = await show("/audit?entry=15000", "full", { first });
    const choose = (label: string, value: string) =>
      fireEvent.change(within(document.body).getByLabelText(label), { target: { value } });
    choose("Told in", "local");
    await waitFor(() => expect(rows()[0]?.textContent).toMatch(/ local/));
    expect(address()).toContain("entry=15000");
    expect(numbers()).toEqual([1_500]);
    choose("Time", "now-15m");
    await waitFor(() => expect(address()).toContain("from=now-15m"));
    expect(address()).not.toContain("entry");
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
    await waitFor(() => expect(words()).toContain("15 records. No earlier"));
    choose("Time", "custom");
    const field = await waitFor(() => within(document.body).getByLabelText<HTMLInputElement>("From (UTC)"));
    const earlier = new Date(Date.parse(`${field.value}Z`) - 30 * MINUTE_MS).toISOString().slice(0, 19);
    fireEvent.change(field, { target: { value: earlier } });
    fireEvent.blur(field);
    await waitFor(() => expect(words()).toMatch(/4[456] records\. No earlier/));
    choose("Told in", "local");
    await waitFor(() => expect(within(document.body).getByLabelText("From (local)")).toBeTruthy());
    expect(rows()[0]?.textContent).toMatch(/ local/);
    expect(within(document.body).queryByLabelText("Look again")).toBeNull();
    choose("Time", "");
    await waitFor(() => expect(words()).toContain("The latest records"));
  });

  // Goal: a range that ends now is looked at again by itself, as often as is chosen, and the address says so. Method: every two seconds.
  it("is looked at again", async () => {
    const { asked, first } = audit(300);
    const { address } = await show("/audit?from=now-15m&to=now", "full", { first });
    await waitFor(() => expect(asked).toHaveLength(1));
    choose("Look again", "2s");
    await waitFor(() => expect(asked.length).toBeGreaterThan(1), { timeout: 10_000 });
    expect(address()).toContain("refresh=2s");
    const [one, two] = asked.map(({ from }) => Date.parse(from ?? ""));
    expect(two).toBeGreaterThan(one ?? Infinity);
  });
});

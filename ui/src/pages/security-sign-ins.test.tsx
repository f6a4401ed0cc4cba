import { fireEvent, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { press } from "../testing/deeds";
import { json, show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const NONE = { admin: null, user: null, name: null, address: null, agent: null, with_factor: null, session: null };
const record = (number: number, parts: object) => ({
  ...NONE,
  sessions: null,
  by: null,
  number,
  index: 10 * number,
  time: new Date().toISOString(),
  what: "refused",
  ...parts,
});
const LOG = [
  record(9, { what: "opened", admin: 2, name: "otto", address: "192.0.2.7", agent: "Browser\u202e/1", with_factor: true }),
  record(8, { what: "opened", user: 17, address: "2001:db8::1", agent: "App/2", with_factor: false }),
  record(7, { address: "198.51.100.3" }),
  record(6, { what: "closed", admin: 2, name: "otto", sessions: 3, by: "admin 1" }),
];

/** A node with this log, of which a page holds all but the last; it notes what it was asked. */
function node(parts: object = {}) {
  const asked: Record<string, string>[] = [];
  const first = (request: Request) => {
    const url = new URL(request.url);
    if (url.pathname !== "/v1/sign-ins") return undefined;
    asked.push(Object.fromEntries(url.searchParams));
    const isFirst = !url.searchParams.has("before");
    const page = isFirst ? { sign_ins: LOG.slice(0, 3), next_before: 7 } : { sign_ins: LOG.slice(3), next_before: null };
    return Promise.resolve(json(200, { ...page, refused_of_nobody: 41, ...parts }));
  };
  return { asked, first };
}
const rows = () =>
  within(within(document.body).getByRole("region", { name: /^Sign-ins, the newest first/ }))
    .getAllByRole("row")
    .slice(1)
    .map((row) =>
      within(row)
        .getAllByRole("cell")
        .slice(1, -1)
        .map((cell) => cell.textContent),
    );
const words = () => document.querySelector(".main")?.textContent ?? "";

describe("the log of sign-ins", () => {
  // Goal: who came in and how, who was refused and whose sessions were ended are told apart, and what is not known is not made up. Method: one
  // record of each kind, on two pages.
  it("tells who, from where, with what and how", async () => {
    const { asked, first } = node();
    await show("/security?tab=sign-ins", "full", { first });
    expect(rows()).toEqual([
      ["opened", "otto", "192.0.2.7", "Browser\\u{202E}/1", "shown", "not told"],
      ["opened", "user 17", "2001:db8::1", "App/2", "none", "not told"],
      ["refused", "nobody known", "198.51.100.3", "not told", "not told", "not told"],
    ]);
    expect(words()).toContain("Refused with names that nobody has, ever: 41");
    await press("Older");
    await waitFor(() => expect(rows()).toEqual([["closed", "otto", "not told", "not told", "not told", "3, by admin 1"]]));
    expect(asked).toEqual([{ limit: "100" }, { limit: "100", before: "7" }]);
  });

  // Goal: what it is narrowed to stands in the address and is asked of the node, from the newest on. Method: an address with one filter and a
  // page, and one that is chosen; then a word that the node does not know.
  it("is narrowed by the address", async () => {
    const { asked, first } = node();
    await show("/security?tab=sign-ins&of=customers&before=7", "full", { first });
    fireEvent.change(within(document.body).getByLabelText("What"), { target: { value: "refused" } });
    await waitFor(() => expect(asked).toHaveLength(2));
    expect(asked).toEqual([
      { limit: "100", of: "customers", before: "7" },
      { limit: "100", of: "customers", what: "refused" },
    ]);
  });

  it("asks for nothing that the node would not know", async () => {
    const { asked, first } = node();
    await show("/security?tab=sign-ins&of=others&what=1", "full", { first });
    expect(asked).toEqual([{ limit: "100" }]);
  });

  // Goal: whoever sees their own alone is told so. Method: a node that does not count those of nobody.
  it("says that it shows one's own alone", async () => {
    await show("/security?tab=sign-ins", "full", { first: node({ refused_of_nobody: null }).first });
    expect(words()).toContain("Only your own are shown.");
  });
});

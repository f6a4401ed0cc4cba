import { fireEvent, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answerWith } from "../testing/deeds";
import { json, refusal, show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const main = () => document.querySelector<HTMLElement>(".main") as HTMLElement;
const ID = "ab".repeat(16);

/** A page of the ledger, with every read of the books that it makes: path and query. */
async function ledger(place: string) {
  const reads: { path: string; query: Record<string, string> }[] = [];
  await show(place, "full", {
    first: (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname.startsWith("/v1/ledger/")) reads.push({ path: pathname, query: Object.fromEntries(searchParams) });
      return undefined;
    },
  });
  return { of: (path: string) => reads.filter((one) => one.path === path).map(({ query }) => query) };
}

describe("the journal", () => {
  // Goal: nobody else's entries are shown as a user's. Method: an address that names a user: what is asked for names it too, or
  // nothing is asked for.
  it("is asked of a user by asset, and not at all without", async () => {
    const without = await ledger("/ledger?tab=journal&user=17");
    expect(main().textContent).toContain("Accounts of user 17");
    expect(main().textContent).not.toContain("Journal, the newest first");
    expect(without.of("/v1/ledger/entries")).toEqual([]);
    expect(without.of("/v1/ledger/accounts")).toContainEqual({ user: "17" });
    const asked = await ledger("/ledger?tab=journal&user=17&asset=BTC");
    expect(main().textContent).toContain("Journal of user 17 in BTC");
    expect(asked.of("/v1/ledger/entries")).toEqual([{ order: "newest", limit: "200", user: "17", asset: "BTC" }]);
  });

  // Goal: an asset is chosen of those that the user has. Method: one is chosen, and what is asked for then.
  it("offers a user's assets", async () => {
    const asked = await ledger("/ledger?tab=journal&user=17");
    await waitFor(() => expect(within(main()).getByLabelText("Asset").querySelectorAll("option").length).toBe(3));
    fireEvent.change(within(main()).getByLabelText("Asset"), { target: { value: "ASSET1" } });
    await waitFor(() => expect(main().textContent).toContain("Journal of user 17 in ASSET1"));
    await waitFor(() => expect(asked.of("/v1/ledger/entries")).toContainEqual(expect.objectContaining({ asset: "ASSET1" })));
  });

  // Goal: what is written above the entries is what was asked for. Method: an address with both, of which the API takes one.
  it("is of the account where an address names an account and a user", async () => {
    const asked = await ledger("/ledger?tab=journal&account=3&user=17&asset=BTC");
    expect(asked.of("/v1/ledger/entries")).toEqual([{ order: "newest", limit: "200", account: "3" }]);
    expect(main().textContent).toContain("Journal of account 3");
    expect(within(main()).getByLabelText<HTMLInputElement>("User").value).toBe("");
  });

  // Goal: from an entry one comes to its accounts and to the whole of its transfer. Method: where the links of a row go.
  it("leads to accounts and transfers", async () => {
    await ledger("/ledger?tab=journal");
    const links = [...main().querySelectorAll("tbody tr:first-child a")].map((one) => one.getAttribute("href"));
    expect(links).toEqual([
      "/ui/ledger?tab=journal&account=1",
      "/ui/ledger?tab=journal&account=1",
      `/ui/ledger/transfers/${"1".repeat(64)}`,
    ]);
  });
});

describe("accounts", () => {
  const AT = "2026-01-02T03:04:05";
  const asOf = () => within(main()).getByLabelText<HTMLInputElement>("As of (UTC)");

  // Goal: present balances never stand under a past moment. Method: an address that names a moment and no user.
  it("are of the present alone where no user is chosen", async () => {
    const asked = await ledger(`/ledger?tab=accounts&at=${AT}`);
    expect(asOf().value).toBe("");
    expect(asOf().getAttribute("aria-disabled")).toBe("true");
    const told = document.getElementById(asOf().getAttribute("aria-describedby") ?? "");
    expect(told?.textContent).toContain("choose a user first");
    expect(main().textContent).not.toContain("as of");
    expect(main().textContent).not.toContain("then");
    expect(asked.of("/v1/ledger/balance")).toEqual([]);
    fireEvent.change(asOf(), { target: { value: AT } });
    expect(asOf().value).toBe("");
  });

  // Goal: what a user had is what is asked for at that moment, and what is of now says so. Method: an address with both.
  it("are those of the moment where a user is chosen", async () => {
    const asked = await ledger(`/ledger?tab=accounts&user=17&at=${AT}`);
    expect(asOf().getAttribute("aria-disabled")).toBe("false");
    expect(main().textContent).toContain("Accounts of user 17, as of 2026-01-02 03:04:05 UTC");
    const at = `${AT}.000Z`;
    await waitFor(() =>
      expect(asked.of("/v1/ledger/balance")).toEqual(["ASSET0", "ASSET1"].map((asset) => ({ user: "17", asset, at }))),
    );
    const heads = [...main().querySelectorAll("th")].map((one) => one.textContent);
    expect(heads).toEqual(["Account", "Whose", "Asset", "Posted then", "Held then", "Posted now"]);
  });

  // Goal: what is not whole yet has its age, and what cannot be read again says so. Method: a balance that is not final; then a node that
  // refuses it.
  it("say how old they are and that they could not be read again", async () => {
    let fails = false;
    const shown = await show(`/ledger?tab=accounts&user=17&at=${AT}`, "full", {
      first: (request) => {
        const { pathname } = new URL(request.url);
        if (pathname !== "/v1/ledger/balance") return undefined;
        if (fails) return Promise.resolve(json(500, refusal("EXQ-0001", "the request failed", "")));
        return answerWith(pathname, { is_final: false });
      },
    });
    await waitFor(() => expect(main().textContent).toContain("so far, "));
    expect(main().querySelector("td .age")).not.toBeNull();
    fails = true;
    await shown.client.refetchQueries({ queryKey: ["/v1/ledger/balance"] });
    await waitFor(() => expect(main().textContent).toContain("last seen; since then: the request failed"));
  });

  // Goal: no moment is made of what is none. Method: an address somebody wrote by hand.
  it("say that a moment is none", async () => {
    const asked = await ledger("/ledger?tab=accounts&user=17&at=yesterday");
    expect(main().textContent).toContain("This is no moment.");
    expect(main().textContent).not.toContain("as of");
    expect(asked.of("/v1/ledger/balance")).toEqual([]);
  });
});

describe("a transfer", () => {
  const transfer = (answer: object) =>
    show(`/ledger/transfers/${ID}`, "full", {
      first: (request) =>
        new URL(request.url).pathname === `/v1/ledger/transfers/${ID}`
          ? Promise.resolve(json(200, { id: ID, entries: [], note: null, reverted_by: null, error: null, ...answer }))
          : undefined,
    });

  // Goal: what was undone does not look as if it held. Method: one that another reverted.
  it("says what reverted it", async () => {
    await transfer({ status: "posted", reverted_by: "cd".repeat(16) });
    expect(main().textContent).toContain("posted, and reverted by");
    expect(main().querySelector(`a[href="/ui/ledger/transfers/${"cd".repeat(16)}"]`)).not.toBeNull();
  });

  // Goal: what failed says that, and why. Method: one whose id is burnt.
  it("says that it failed, and why", async () => {
    await transfer({ status: "burnt", error: { code: "EXQ-0602", message: "not enough of it", hint: "" } });
    expect(main().textContent).toContain("its id cannot be used again");
    expect(main().textContent).toContain("not enough of it EXQ-0602");
    expect(main().textContent).not.toContain("reverted");
  });
});

import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answerWith, dialog, fill, isClosed, noting, press } from "../testing/deeds";
import { json, show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const PLACE = "/users/17";
const USER = { user: 17, kyc_level: 1, fee_tier: 2, label: "Ada" };

/** What was sent, beside the ids that each time are others. */
const content = (body: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !["command_id", "client_id"].includes(name)));

/** The page of a user, where some addresses are answered so; and what it sends. */
const page = async (answers: Readonly<Record<string, () => Promise<Response>>> = {}, result: object = {}) => {
  const { sent, first } = noting(() => json(200, result));
  const all = { "/v1/users/17": () => answerWith("/v1/users/17", USER), ...answers };
  await show(PLACE, "full", {
    first: (request) => first(request) ?? new Map(Object.entries(all)).get(new URL(request.url).pathname)?.(),
  });
  return sent;
};

describe("what a user is taken for", () => {
  // Goal: what is not changed is not sent, so that nobody's change meanwhile is undone; the difference is shown before. Method: one of
  // three is changed.
  it("is changed alone, after a look at the difference", async () => {
    const sent = await page();
    await press("Change");
    fill("KYC level", "3");
    expect([...dialog().querySelectorAll("del, ins")].map((one) => one.textContent)).toEqual(["1", "3"]);
    fill("Reason", "papers seen");
    await press("Change", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent.map(({ method, path, body }) => [method, path, content(body)])).toEqual([
      ["PATCH", "/v1/users/17", { kyc_level: 3, reason: "papers seen" }],
    ]);
  });

  // Goal: what the API cannot take is not sent. Method: a tier and a label beyond what there is room for.
  it("is held back where it does not fit", async () => {
    await page();
    await press("Change");
    fill("Reason", "papers seen");
    const told = () => {
      const button = dialog().querySelector('[type="submit"]');
      return document.getElementById(button?.getAttribute("aria-describedby") ?? "")?.textContent;
    };
    expect(told()).toContain("Nothing is changed yet.");
    fill("Fee tier", "256");
    expect(told()).toContain("A fee tier is");
    fill("Fee tier", "3");
    expect(told()).toBeUndefined();
    fill("Label", "ä".repeat(51));
    expect(told()).toContain("at most 100 bytes");
  });
});

describe("withdrawals", () => {
  const listed = (...states: string[]) => ({
    "/v1/users/17/withdrawals": () =>
      Promise.resolve(
        json(200, {
          next_before: null,
          withdrawals: states.map((state, at) => ({
            withdrawal: at + 1,
            state,
            amount: "2",
            asset: "BTC",
            network: "bitcoin",
            address: "1abc",
            requested_at: new Date().toISOString(),
          })),
        }),
      ),
  });

  // Goal: what is signed, or over, is not offered to be taken back, and says why. Method: one of either kind beside one that is not.
  it("are taken back as long as nothing of them is signed", async () => {
    const sent = await page(listed("broadcast", "awaiting-approval", "completed"));
    const buttons = screen.getAllByRole("button", { name: "Take back" });
    expect(buttons.map((one) => one.getAttribute("aria-disabled"))).toEqual(["true", null, "true"]);
    const why = document.getElementById(buttons[0]?.getAttribute("aria-describedby") ?? "")?.textContent;
    expect(why).toContain("It is broadcast");
    fireEvent.click(buttons[1] as HTMLElement);
    await waitFor(() => expect(dialog().textContent).toContain("withdrawal 2"));
    // What leaves the dialog is called otherwise than what the dialog does.
    const names = [...dialog().querySelectorAll("button")].map((one) => one.textContent);
    expect(names).toEqual(["Take back", "Cancel"]);
    fireEvent.click(dialog().querySelector('[type="submit"]') as Element);
    await waitFor(() =>
      expect(sent.map(({ path, body }) => [path, body["withdrawal"]])).toEqual([["/v1/users/17/withdrawals/cancel", 2]]),
    );
  });

  // Goal: an operator asks for one in a user's name, after what the user can send; the next one has another name. Method: two of them.
  it("are asked for in the user's name, each under a name of its own", async () => {
    const accounts = [
      { account: 1, holder: "user 17", asset: "BTC", posted: "5", available: "4.5", held: "0", reserved: "0.5" },
    ];
    const sent = await page(
      { "/v1/ledger/accounts": () => Promise.resolve(json(200, { accounts })), ...listed() },
      { withdrawal: 9, state: "awaiting-approval", first: true },
    );
    for (let at = 0; at < 2; at += 1) {
      await press("Ask for a withdrawal");
      fill("Asset", "btc");
      expect(dialog().textContent).toContain("Of BTC it can send 4.5");
      fill("Amount", "1.5");
      fill("Network", "bitcoin");
      fill("Address", "1abc");
      fill(/^Type/, "1.5 BTC");
      await press("Ask for a withdrawal", dialog);
      await waitFor(() => expect(isClosed()).toBe(true));
    }
    expect(sent.map(({ path, body }) => [path, content(body)])).toEqual(
      [0, 1].map(() => [
        "/v1/users/17/withdrawals",
        { asset: "BTC", network: "bitcoin", address: "1abc", amount: "1.5", fee_mode: "deduct" },
      ]),
    );
    expect(new Set(sent.map(({ body }) => body["client_id"])).size).toBe(2);
  });
});

// Goal: a user is gone to by number, and by nothing else. Method: what is none, and one.
it("goes to a user by number", async () => {
  const shown = await show("/users", "full");
  const number = screen.getByLabelText("Number");
  const submit = () => fireEvent.submit(number.closest("form") as Element);
  fireEvent.change(number, { target: { value: "ada" } });
  submit();
  fireEvent.change(number, { target: { value: "17" } });
  submit();
  await waitFor(() => expect(document.querySelector("h1")?.textContent).toBe("User 17"));
  // Whatever the first would have led to was asked for before.
  const of = shown.asked.flatMap((path) => /^\/v1\/users\/([^/]+)/.exec(path)?.[1] ?? []);
  expect(new Set(of)).toEqual(new Set(["17"]));
});

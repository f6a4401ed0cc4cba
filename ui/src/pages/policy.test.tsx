import { fireEvent, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { dialog, fill, FRESH, isClosed, made, noting, press } from "../testing/deeds";
import { json, refusal, show } from "../testing/page";
import { PHRASE } from "../app/deed";
import { formOf, linesOf, policyIn, type PolicyView, wrongIn } from "./policy-words";

afterEach(() => vi.unstubAllGlobals());

const POLICY: PolicyView = {
  rules: [
    { name: "small", usd_below: "100", destinations: ["listed"], verdict: "allow" },
    {
      name: "much",
      usd_from: "100000",
      accumulated: { usd_from: "250000.5", window: "24h" },
      assets: ["BTC", "ETH"],
      networks: ["bitcoin", "ethereum"],
      verdict: "approve",
      needs: [
        { count: 2, group: "treasury" },
        { count: 1, group: "board" },
      ],
      delay: "1h",
    },
    { name: "rest", verdict: "block" },
  ],
  groups: [{ name: "treasury" }, { name: "board", members: [4, 9] }],
  limits: [{ day_usd: "1000", month_usd: "5000" }],
  small_may_pass: true,
  version: 7,
  changed_at: "2026-11-29T10:00:00Z",
};

const main = () => document.querySelector<HTMLElement>(".main") ?? document.body;
const plain = (text: string | null | undefined) => (text ?? "").replaceAll("\u202f", " ");
const at = (policy: () => object) => ({ ...FRESH, "/v1/withdrawal-policy": policy });

describe("the withdrawal policy", () => {
  // Goal: a rule is told in words, all of it. Method: rules with every condition and every verdict.
  it("is told in words", () => {
    expect(linesOf(POLICY).map(plain)).toEqual([
      "small: withdrawals to a place that is listed, worth less than 100 USD go on without anybody's approval",
      "much: withdrawals of BTC or ETH, on bitcoin or ethereum, worth 100 000 USD or more, worth 250 000.5 USD or more together with what the user withdrew within 24h wait for the approval of 2 of treasury, 1 of board, then wait for 1h",
      "rest: all withdrawals are refused",
      "group treasury: everybody who may approve movements of money",
      "group board: admins 4, 9",
      "KYC level 0: 1 000 USD in any 24 hours, 5 000 USD in any 30 days",
      "what the hot wallet can pay passes what it cannot",
    ]);
  });

  // Goal: what nobody touched is sent as it was. Method: a policy with every part goes through the form and back.
  it("comes out of the form as it went in", () => {
    const sent = policyIn(formOf(POLICY));
    expect(linesOf(sent as PolicyView)).toEqual(linesOf(POLICY));
    expect(sent.rules[1]).toEqual(POLICY.rules[1]);
    expect(wrongIn(formOf(POLICY))).toBeNull();
  });

  // Goal: what the node would not take is told. Method: one wrong part at a time.
  it.each([
    [{ name: " " }, "has a name"],
    [{ usd_from: "1,5" }, "an amount in US dollars"],
    [{ sum_from: "" }, "an amount and a time"],
    [{ window: "a day" }, "a time is such as"],
    [{ needs: "treasury" }, "who approves is such as"],
    [{ needs: "0 of treasury" }, "who approves is such as"],
  ])("refuses %j", (wrong, told) => {
    const form = formOf(POLICY);
    const rules = form.rules.map((rule, index) => (index === 1 ? { ...rule, ...wrong } : rule));
    expect(wrongIn({ ...form, rules })).toContain(told);
  });

  // Goal: the whole policy is sent, with its version, after what differs was shown. Method: one amount and the order of two rules.
  it("is changed with what differs", async () => {
    const { sent, first } = noting(made);
    await show("/settings?tab=policy&edit=true", "full", { instead: at(() => POLICY), first });
    const rule = (name: string) => within(within(main()).getByRole("group", { name }));
    fireEvent.change(rule("small").getByLabelText("Worth, USD, below"), { target: { value: "250" } });
    await press("Earlier: rest", () => main());
    const differs = () => [...main().querySelectorAll('[aria-label="What differs"] ins')].map((one) => plain(one.textContent));
    expect(differs()[0]).toContain("worth less than 250 USD");
    expect(differs()[1]).toMatch(/^(much|rest): /);
    await press("Put it in place", () => main());
    expect(plain(dialog().textContent)).toContain("worth less than 250 USD");
    fill("Reason", "BOARD-7");
    fill(/^Type /, PHRASE);
    await press("Put it in place", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent[0]?.body).toMatchObject({ if_version: 7, reason: "BOARD-7", limits: POLICY.limits, small_may_pass: true });
    const rules = sent[0]?.body["rules"] as { name: string; usd_below?: string }[];
    expect(rules.map(({ name }) => name)).toEqual(["small", "rest", "much"]);
    expect(rules[0]?.usd_below).toBe("250");
  });

  // Goal: another policy meanwhile is shown beside one's own, nothing is sent over it, and one goes on from it. Method: the policy changes
  // while it is filled in.
  it("shows theirs beside yours", async () => {
    let now = POLICY;
    const { client } = await show("/settings?tab=policy&edit=true", "full", { instead: at(() => now) });
    const below = () => within(main()).getByRole("group", { name: "small" }).querySelectorAll("input")[2];
    fireEvent.change(below() as Element, { target: { value: "250" } });
    now = { ...POLICY, version: 8, rules: POLICY.rules.slice(0, 2) };
    await client.refetchQueries({ queryKey: ["/v1/withdrawal-policy"] });
    const beside = () => plain(document.querySelector('[aria-label="Their change beside yours"]')?.textContent);
    await waitFor(() => expect(beside()).toContain("rest: all withdrawals"));
    expect(beside()).toContain("worth less than 250 USD");
    const button = () => within(main()).getByRole("button", { name: "Put it in place" });
    expect(button().getAttribute("aria-disabled")).toBe("true");
    await press("Begin anew from what it is now", () => main());
    await waitFor(() => expect(beside()).toBe(""));
    expect(within(main()).queryByRole("group", { name: "rest" })).toBeNull();
    expect(below()?.value).toBe("100");
  });

  // Goal: what would become of a withdrawal is asked and nothing else, and what is told is not told of something else. Method: an answer,
  // another amount, a refusal.
  it("says what would become of a withdrawal", async () => {
    const answer = { verdict: "approve", rule: "much", needs: [{ count: 2, group: "treasury" }], delay: "1h", usd: null };
    let isKnown = true;
    const { sent, first } = noting(() =>
      isKnown
        ? json(200, { ...answer, day_left_usd: "900.25", month_left_usd: "1000" })
        : json(404, refusal("EXQ-0701", "there is no such user", "see the users")),
    );
    await show("/settings?tab=policy", "full", { instead: at(() => POLICY), first });
    const form = main().querySelector<HTMLElement>('form[aria-label="What would become of a withdrawal"]') ?? main();
    const type = (label: string, value: string) => fireEvent.change(within(form).getByLabelText(label), { target: { value } });
    type("User", "12");
    type("Asset", "USDT");
    type("Amount, its fee included", "25000");
    await press("Simulate", () => form);
    await waitFor(() => expect(plain(form.textContent)).toContain("it would wait for approval"));
    for (const told of ["much", "2 of treasury", "1h", "nobody can say", "900.25 USD".replace(" ", "\u00a0")])
      expect(plain(form.textContent)).toContain(told);
    expect(sent).toEqual([
      {
        method: "POST",
        path: "/v1/withdrawal-policy/simulate",
        body: { user: 12, asset: "USDT", network: "ethereum", amount: "25000" },
      },
    ]);
    type("Amount, its fee included", "26000");
    expect(form.textContent).not.toContain("it would wait");
    isKnown = false;
    await press("Simulate", () => form);
    await waitFor(() => expect(form.textContent).toContain("there is no such user"));
  });

  // Goal: an answer stands beside what was asked and nothing else, and says what that was. Method: another amount is filled in before the
  // answer to the first comes; then that is asked.
  it("says nothing of a withdrawal that was not asked about", async () => {
    let answer: (of: Response) => void = () => undefined;
    const told = { verdict: "allow", rule: "much", needs: [], delay: null, usd: null, day_left_usd: "1", month_left_usd: "1" };
    const { sent, first } = noting(() => new Promise<Response>((resolve) => (answer = resolve)));
    await show("/settings?tab=policy", "full", { instead: at(() => POLICY), first });
    const form = main().querySelector<HTMLElement>('form[aria-label="What would become of a withdrawal"]') ?? main();
    const type = (label: string, value: string) => fireEvent.change(within(form).getByLabelText(label), { target: { value } });
    type("User", "12");
    type("Asset", "USDT");
    type("Amount, its fee included", "5");
    await press("Simulate", () => form);
    await waitFor(() => expect(sent).toHaveLength(1));
    type("Amount, its fee included", "500000");
    answer(json(200, told));
    // It has come when the next one can be asked.
    await press("Simulate", () => form);
    expect(form.textContent).not.toContain("it would go on");
    await waitFor(() => expect(sent).toHaveLength(2));
    answer(json(200, told));
    await waitFor(() => expect(form.textContent).toContain("it would go on"));
    expect(plain(form.textContent)).toContain("500 000\u00a0USDT of user 12 on ethereum");
  });
});

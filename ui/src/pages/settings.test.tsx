import { fireEvent, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PHRASE } from "../app/deed";
import { answerWith, dialog, fill, FRESH, isClosed, made, noting, press } from "../testing/deeds";
import { json, type Options, refusal, show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const KEY = "worker.drain_deadline";
const AT = `${KEY}@network:bitcoin`;
const main = () => document.querySelector<HTMLElement>(".main") ?? document.body;
/** What was told last. */
const told = () => [...document.querySelectorAll<HTMLElement>(".toast")].at(-1) ?? document.body;
const words = () => dialog().textContent;
const beside = () => document.querySelector('[aria-label="Their change beside yours"]')?.textContent ?? "";

const PLAIN = {
  key: KEY,
  value: "30s",
  default: "20s",
  is_default: false,
  from: KEY,
  revision: 4,
  places: "workers",
  choices: [],
  changed: { at: "2026-11-29T10:00:00Z", by: "ada", reason: "slow disks" },
  overrides: [{ key: `${KEY}@kind:deposit`, value: "50s", revision: 2 }],
};

/** A node whose one setting is this, everywhere and in each place. */
function settings(parts: () => object, after: NonNullable<Options["first"]>): NonNullable<Options["first"]> {
  return (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (request.method !== "GET" || !pathname.startsWith("/v1/settings/")) return after(request);
    const name = decodeURIComponent(pathname.slice("/v1/settings/".length));
    if (name === "history") return after(request);
    if (name === "preview")
      return answerWith(pathname, { from: "30s", to: searchParams.get("value") ?? "its default", not_in: [] });
    if (!name.startsWith(KEY)) return undefined;
    const own = name === KEY ? {} : { key: name, revision: 0, overrides: [], changed: null };
    return answerWith(pathname, { ...PLAIN, ...own, ...parts() });
  };
}

describe("a setting", () => {
  // Goal: places are not only listed: one leads to what holds there. Method: the list of places, and the form for any other one.
  it("leads to each of its places, and to others", async () => {
    await show(`/settings?key=${KEY}`, "full", {
      first: settings(
        () => ({}),
        () => undefined,
      ),
    });
    const links = [...main().querySelectorAll("td a")].map((one) => decodeURIComponent(one.getAttribute("href") ?? ""));
    expect(links).toContain(`/ui/settings?key=${KEY}&place=kind:deposit`);
    const form = within(main().querySelector<HTMLElement>('form[aria-label="Go to a place"]') ?? main());
    fireEvent.change(form.getByLabelText("What holds for"), { target: { value: "a kind of workers on a network" } });
    fireEvent.change(form.getByLabelText("Kind"), { target: { value: "sweep" } });
    fireEvent.change(form.getByLabelText("Network"), { target: { value: "tron" } });
    await press("Look and change there", () => main());
    await waitFor(() => expect(main().textContent).toContain(`${KEY}@kind:sweep,network:tron`));
  });

  // Goal: what is changed in a place is that place's, and begins from the version that it has there. Method: a place without a value yet.
  it("is changed in a place", async () => {
    const { sent, first } = noting(made);
    await show(`/settings?key=${KEY}&place=network%3Abitcoin`, "full", { instead: FRESH, first: settings(() => ({}), first) });
    const panel = () => main().querySelector<HTMLElement>('section[aria-label="In this place"]') ?? main();
    await press("Change", panel);
    fill("Value", "45s");
    await waitFor(() => expect(words()).toContain("45s"));
    fill("Reason", "bitcoin is slow");
    await press("Change", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent[0]).toMatchObject({ path: `/v1/settings/${AT}`, body: { value: "45s", if_revision: 0 } });
    // What holds there comes from elsewhere, so that there is nothing to take away.
    expect(within(panel()).queryByRole("button", { name: "Unset" })).toBeNull();
  });

  // Goal: whoever is too late sees who changed what and why beside their own, and goes on from it. Method: a value set by somebody else
  // while the dialog is open; the node refuses the old revision.
  it("shows theirs beside yours where somebody was quicker", async () => {
    let now: object = {};
    const stale = json(409, refusal("EXQ-0404", "the present revision is 5", "look again"));
    const { sent, first } = noting(({ body }) => (body["if_revision"] === 5 ? made() : stale.clone()));
    await show(`/settings?key=${KEY}`, "full", { instead: FRESH, first: settings(() => now, first) });
    await press("Change");
    fill("Value", "45s");
    fill("Reason", "mine");
    await waitFor(() => expect(words()).toContain("45s"));
    now = { value: "60s", revision: 5, changed: { at: "2026-11-29T11:00:00Z", by: "sam", reason: "slower disks" } };
    await press("Change", dialog);
    await waitFor(() => expect(beside()).toContain("60s"));
    for (const word of ["You began from30s", "Now it is60s", "sam", "slower disks", "You want45s"])
      expect(beside()).toContain(word);
    await press("Begin anew from what it is now", dialog);
    await waitFor(() => expect(beside()).toBe(""));
    expect(within(dialog()).getByLabelText<HTMLInputElement>("Value").value).toBe("60s");
    fill("Value", "45s");
    await press("Change", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent.map(({ body }) => [body["value"], body["if_revision"], body["reason"]])).toEqual([
      ["45s", 4, "mine"],
      ["45s", 5, "mine"],
    ]);
  });
});

describe("a dangerous setting", () => {
  // Goal: what can cost redundancy, or stop the cluster, is never changed, taken away or brought back by a slip: the name is typed, or the phrase; the
  // page says why. Method: each of the three, of settings of each danger.
  it.each([
    [2, KEY, "2: can cost redundancy"],
    [3, PHRASE, "3: can stop the cluster"],
  ])("wants what is typed at danger %d", async (danger, word, words) => {
    const { sent, first } = noting(() => json(200, { key: KEY, revision: 5, index: 7, command_id: "0".repeat(32) }));
    await show(`/settings?key=${KEY}`, "full", { instead: FRESH, first: settings(() => ({ danger }), first) });
    expect(main().querySelector(".facts")?.textContent).toContain(words);
    const typed = async (label: string) => {
      fill("Reason", "a test");
      await waitFor(() => expect(dialog().textContent).toContain("Takes effect"));
      const button = within(dialog()).getByRole("button", { name: label });
      await waitFor(() => expect(button.getAttribute("aria-describedby")).not.toBeNull());
      expect(document.getElementById(button.getAttribute("aria-describedby") ?? "")?.textContent).toBe(
        `Type ${word} to go on.`,
      );
      fill(/^Type /, word);
      await press(label, dialog);
      await waitFor(() => expect(isClosed()).toBe(true));
    };
    await press("Change");
    fill("Value", "45s");
    await typed("Change");
    await press("Undo", told);
    await typed("Undo");
    await press("Unset");
    await typed("Unset");
    expect(sent.map(({ method }) => method)).toEqual(["PUT", "PUT", "POST"]);
  });

  // Goal: the preview's word counts too, where it is the worse one. Method: a page that takes the setting for harmless.
  it("wants it where the preview says so", async () => {
    const { first } = noting(made);
    const node = settings(() => ({ danger: 0 }), first);
    const worse: NonNullable<Options["first"]> = (request) =>
      request.url.includes("/preview") ? answerWith("/v1/settings/preview", { danger: 3, not_in: [] }) : node(request);
    await show(`/settings?key=${KEY}`, "full", { instead: FRESH, first: worse });
    await press("Change");
    expect(words()).not.toContain("Type ");
    fill("Value", "45s");
    await waitFor(() => expect(words()).toContain(`Type “${PHRASE}” to confirm`));
  });
});

describe("the way back", () => {
  const undo = async (value: RegExp | null) => {
    await press("Undo", told);
    if (value !== null) expect(words()).toMatch(value);
    fill("Reason", "it was worse");
    await press("Undo", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
  };

  // Goal: what was changed a moment ago is brought back from where it is told, and only from what it made. Method: a value of its own that
  // is changed, and that is taken away; one that comes from elsewhere; the page is left before the way back is taken.
  it("leads from a setting to what it was", async () => {
    const { sent, first } = noting(() => json(200, { key: KEY, revision: 5, index: 7, command_id: "0".repeat(32) }));
    await show(`/settings?key=${KEY}`, "full", { instead: FRESH, first: settings(() => ({}), first) });
    await press("Change");
    fill("Value", "45s");
    fill("Reason", "slow disks");
    await waitFor(() => expect(words()).toContain("45s"));
    await press("Change", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    await undo(/45s.*30s/);
    await press("Unset");
    fill("Reason", "not needed");
    await press("Unset", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    await undo(/without a value of its own.*30s/);
    const back = { value: "30s", reason: "it was worse", if_revision: 5 };
    expect(sent.filter(({ body }) => body["reason"] === "it was worse")).toMatchObject([
      { method: "PUT", path: `/v1/settings/${KEY}`, body: back },
      { method: "PUT", path: `/v1/settings/${KEY}`, body: back },
    ]);
  });

  it("takes away what was given where nothing was", async () => {
    const { sent, first } = noting(() => json(200, { key: AT, revision: 1, index: 7, command_id: "0".repeat(32) }));
    await show(`/settings?key=${KEY}&place=network%3Abitcoin`, "full", { instead: FRESH, first: settings(() => ({}), first) });
    await press("Change", () => main().querySelector<HTMLElement>('section[aria-label="In this place"]') ?? main());
    fill("Value", "45s");
    fill("Reason", "bitcoin is slow");
    await waitFor(() => expect(words()).toContain("45s"));
    await press("Change", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    await undo(null);
    expect(sent[1]).toMatchObject({ method: "POST", path: `/v1/settings/${AT}/unset`, body: { if_revision: 1 } });
  });
});

describe("the history of settings", () => {
  // Goal: it is not cut where a page of it ends, and what was never set is told as that alone. Method: a first page without a change of the
  // setting, behind which there are more; then a setting without any.
  it("goes on behind its first page", async () => {
    const asked: (string | null)[] = [];
    let next: number | null = 7;
    const node: NonNullable<Options["first"]> = (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname !== "/v1/settings/history") return undefined;
      asked.push(searchParams.get("before"));
      return answerWith(pathname, { changes: [], next_before: searchParams.has("before") ? null : next });
    };
    const history = () => main().querySelector('section[aria-label="History"]');
    const { address } = await show("/settings?tab=history", "full", { first: node });
    expect(history()?.textContent).not.toContain("every default holds");
    await press("Older", () => history() as HTMLElement);
    await waitFor(() => expect(address()).toContain("before=7"));
    expect(address()).toContain("tab=history");
    await waitFor(() => expect(asked).toEqual([null, "7"]));
    next = null;
    await show("/settings?tab=history", "full", { first: node });
    expect(history()?.textContent).toContain("every default holds");
    await show(`/settings?key=${KEY}`, "full", { first: settings(() => ({}), node) });
    await waitFor(() => expect(history()?.textContent).toContain("was never set"));
    expect(history()?.textContent).not.toContain("every default holds");
  });
});

describe("a flag", () => {
  const RULE = { on: true, permille: 125, allowed: ["user 7"], networks: ["tron"], expires_at: "2026-12-01T00:00:00Z" };
  const change = (version: number, summary: string) => ({
    version,
    summary,
    by: "ada",
    reason: "a test",
    at: "2026-11-29T10:00:00Z",
  });
  const flag = {
    "/v1/flags/beta": (answer: object) => ({
      ...answer,
      ...RULE,
      name: "beta",
      description: "new books",
      version: 3,
      summary: "on for 12.5% and 1 subjects, on tron",
      changes: [change(3, "on for 12.5% and 1 subjects, on tron"), change(2, "on for 2 subjects"), change(1, "on for 50.0%")],
    }),
  };
  const PLACE = "/settings?tab=flags&flag=beta";

  // Goal: every part of a flag is changed from here, and what is not touched stays. Method: three parts changed, the others looked at.
  it("is changed in every part", async () => {
    const { sent, first } = noting(() => json(200, { name: "beta", version: 4, summary: "on for all", index: 7 }));
    await show(PLACE, "full", { instead: { ...FRESH, ...flag }, first });
    await press("Change");
    const expired = within(dialog()).getByLabelText<HTMLInputElement>("Expires").value;
    fill("Expires", "2027-06-01T12:00:00Z");
    fill("And for these subjects", "user 7\nuser 9\n");
    fireEvent.click(within(dialog()).getByLabelText("bitcoin"));
    const lines = [...dialog().querySelectorAll(".diff ins")].map((one) => one.textContent);
    expect(lines).toEqual(["and for user 9", "on bitcoin, tron", "until 2027-06-01T12:00:00Z"]);
    fill("Reason", "further");
    await press("Change", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent[0]?.body).toEqual({
      on: true,
      permille: 125,
      allowed: ["user 7", "user 9"],
      networks: ["bitcoin", "tron"],
      expires_at: "2027-06-01T12:00:00Z",
      reason: "further",
      if_version: 3,
      command_id: expect.any(String) as string,
    });
    // And the way back, from what this made.
    await press("Undo", told);
    fill("Reason", "too far");
    await press("Undo", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent[1]?.body).toMatchObject({ permille: 125, networks: ["tron"], expires_at: expired, if_version: 4 });
  });

  // Goal: a version is made again where its line says all of it, and otherwise it is said why not. Method: three lines, one of each kind.
  it("goes back to a version whose rule is known", async () => {
    const { sent, first } = noting(made);
    await show(PLACE, "full", { instead: { ...FRESH, ...flag }, first });
    const buttons = within(main()).getAllByRole("button", { name: "Back to this" });
    const whys = buttons.map((one) => document.getElementById(one.getAttribute("aria-describedby") ?? "")?.textContent ?? "");
    expect(whys.map((why) => /what holds|not which/.exec(why)?.[0] ?? "")).toEqual(["what holds", "not which", ""]);
    fireEvent.click(buttons[2] as Element);
    await waitFor(() => expect(words()).toContain("on for 50.0%"));
    fill("Reason", "back");
    await press("Back to this", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent[0]?.body).toMatchObject({
      on: true,
      permille: 500,
      allowed: [],
      networks: [],
      expires_at: null,
      if_version: 3,
    });
  });
});

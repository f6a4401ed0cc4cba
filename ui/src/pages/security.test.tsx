import { fireEvent, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PHRASE } from "../app/deed";
import { dialog, fill, FRESH, isClosed, noting, press } from "../testing/deeds";
import { json, refusal, show, type Shown } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const ADMINS = {
  "/v1/admins": (answer: { admins: object[] }) => ({
    admins: [
      {
        ...answer.admins[0],
        admin: 1,
        name: "ada",
        roles: ["owner"],
        permissions: ["people.change", "people.read"],
        status: "active",
      },
      {
        ...answer.admins[1],
        admin: 2,
        name: "otto",
        roles: ["operations", "support"],
        permissions: ["workers.read"],
        status: "active",
      },
    ],
  }),
  "/v1/session": (who: object) => ({ ...FRESH["/v1/session"](who), admin: 1 }),
};
const row = (name: string) => () =>
  within(within(document.body).getByRole("region", { name: "Who administers the exchange" }))
    .getAllByRole("row")
    .find((one) => one.textContent.startsWith(name)) as HTMLElement;
const words = () => document.body.textContent;

/** What is shown once is there, and no key, no link and no way back takes it away, though the page itself is another one then. */
async function keptBy(text: string, shown?: Shown): Promise<void> {
  await waitFor(() => expect(dialog().textContent).toContain(text));
  fireEvent.keyDown(document.activeElement ?? document.body, { key: "Escape" });
  fireEvent.keyDown(document.body, { key: "k", ctrlKey: true });
  fireEvent.keyDown(document.body, { key: "g" });
  fireEvent.keyDown(document.body, { key: "b" });
  expect(dialog().textContent).toContain(text);
  const leaving = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(leaving);
  expect(leaving.defaultPrevented).toBe(true);
  if (shown !== undefined) {
    shown.go("/about");
    // Where the browser did not ask, as this history does not on its way back, it is there all the same.
    shown.go(-1);
    await waitFor(() => expect(document.querySelector(".main h1")?.textContent).toBe("Maintenance and emergency"));
    expect(dialog().textContent).toContain(text);
  }
  await press("It is kept", dialog);
  await waitFor(() => expect(isClosed()).toBe(true));
  expect(words()).not.toContain(text);
  const left = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(left);
  expect(left.defaultPrevented).toBe(false);
}

describe("roles", () => {
  // Goal: what is sent is all roles that hold afterwards, and nothing else of the account. Method: one is given, one is taken.
  it("are given and taken", async () => {
    const { sent, first } = noting(() => json(200, { admin: 2, changed: true, index: 7 }));
    await show("/security", "full", { first, instead: ADMINS });
    await press("Give a role", row("otto"));
    fireEvent.change(within(dialog()).getByLabelText("Role"), { target: { value: "auditor" } });
    fill("Reason", "a test");
    fill(/^Type /, PHRASE);
    await press("Give a role", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(words()).toContain("Gave a role: auditor to otto.");
    await press("Take a role", row("otto"));
    fireEvent.change(within(dialog()).getByLabelText("Role"), { target: { value: "support" } });
    fill("Reason", "a test");
    fill(/^Type /, PHRASE);
    await press("Take a role", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent.map(({ method, path, body }) => [method, path, body["roles"], body["status"]])).toEqual([
      ["PATCH", "/v1/admins/otto", ["operations", "support", "auditor"], undefined],
      ["PATCH", "/v1/admins/otto", ["operations"], undefined],
    ]);
  });

  // Goal: nobody's change of the same roles is undone. Method: a role is taken away by somebody else while the dialog that gives another is
  // open; the whole list is shown, and is not sent.
  it("are held back where somebody else has changed them", async () => {
    let roles = ["operations", "support"];
    const { sent, first } = noting(() => json(200, { admin: 2, changed: true, index: 7 }));
    const instead = {
      ...ADMINS,
      "/v1/admins": (answer: { admins: object[] }) => {
        const { admins } = ADMINS["/v1/admins"](answer);
        return { admins: admins.map((one) => (one.name === "otto" ? { ...one, roles } : one)) };
      },
    };
    const shown = await show("/security", "full", { first, instead });
    await press("Give a role", row("otto"));
    fireEvent.change(within(dialog()).getByLabelText("Role"), { target: { value: "auditor" } });
    fill("Reason", "a test");
    fill(/^Type /, PHRASE);
    expect(dialog().textContent).toContain("operations, support, auditor");
    const send = () => within(dialog()).getByRole("button", { name: "Give a role" });
    expect(send().getAttribute("aria-disabled")).toBeNull();
    roles = ["operations"];
    await shown.client.refetchQueries({ queryKey: ["/v1/admins"] });
    await waitFor(() => expect(send().getAttribute("aria-disabled")).toBe("true"));
    expect(document.getElementById(send().getAttribute("aria-describedby") ?? "")?.textContent).toContain("would be undone");
    fireEvent.submit(send());
    expect(sent).toEqual([]);
  });

  // Goal: what a role allows is told where the node tells it, and as unknown elsewhere. Method: an owner who is nothing else, and somebody
  // with two roles.
  it("say what they allow where that is known", async () => {
    await show("/security", "full", { instead: ADMINS });
    const table = within(document.body).getByRole("region", { name: /^Roles, what/ });
    const of = (role: string) =>
      within(table)
        .getAllByRole("row")
        .find((one) => one.textContent.startsWith(role))?.textContent;
    expect(of("owner")).toContain("people.change, people.read");
    expect(of("owner")).toContain("ada");
    expect(of("support")).toContain("not known here");
    expect(of("auditor")).toContain("nobody");
  });

  // Goal: nobody is offered to change what they may do themselves. Method: the row of whoever is signed in.
  it("are not one's own to change", async () => {
    await show("/security", "full", { instead: ADMINS });
    const own = within(row("ada")()).getAllByRole("button");
    expect(own.map((one) => one.getAttribute("aria-disabled"))).toEqual(own.map(() => "true"));
    expect(within(row("otto")()).getAllByRole("button", { name: "Disable" })[0]?.getAttribute("aria-disabled")).toBeNull();
  });
});

describe("a password for somebody else", () => {
  const make = async () => {
    await press("New admin");
    fill("Name", "nova");
    fill("Person", "Nova N.");
    fill("Reason", "a test");
    fill(/^Type /, PHRASE);
    await press("New admin", dialog);
  };

  // Goal: it is shown once, until it is kept, and nowhere after that. Method: an account is made, then reset.
  it("is shown once", async () => {
    const { sent, first } = noting(({ path }) =>
      json(200, { number: 3, name: "nova", one_time_password: `drawn by ${path}`, index: 7 }),
    );
    await show("/security", "full", { first, instead: ADMINS });
    await make();
    await keptBy("drawn by /v1/admins");
    expect(sent[0]?.body).toMatchObject({ name: "nova", person: "Nova N.", roles: ["support"] });
    expect(words()).toContain("Made an admin: nova.");
    await press("Reset the sign-in", row("otto"));
    fill("Reason", "a test");
    fill(/^Type /, PHRASE);
    await press("Reset the sign-in", dialog);
    await keptBy("drawn by /v1/admins/otto/reset");
  });

  // Goal: it is not lost with a page that was left before the answer came. Method: a dialog that Escape does not close as long as something is
  // on its way, then another page; the answer comes there.
  it("is shown where its page was left meanwhile", async () => {
    let answer: (of: Response) => void = () => undefined;
    const { sent, first } = noting(() => new Promise<Response>((resolve) => (answer = resolve)));
    const shown = await show("/security", "full", { first, instead: ADMINS });
    await make();
    await waitFor(() => expect(sent).toHaveLength(1));
    fireEvent.keyDown(document.activeElement ?? document.body, { key: "Escape" });
    expect(isClosed()).toBe(false);
    shown.go("/about");
    await waitFor(() => expect(isClosed()).toBe(true));
    answer(json(200, { number: 3, name: "nova", one_time_password: "came late", index: 7 }));
    await keptBy("came late");
  });

  // Goal: where others have to agree first, what is valid then is not lost. Method: a node that wants two persons, and answers a proposal with
  // a password.
  it("is shown with the proposal where two persons are needed", async () => {
    let isProposed = false;
    const { sent, first } = noting(() => {
      if (!isProposed) return json(422, refusal("EXQ-1101", "this needs the approval of 1 other person", "propose it"));
      return json(202, { proposal: 5, needed: 1, expires_at: new Date().toISOString(), once: "valid later" });
    });
    await show("/security", "full", { first, instead: ADMINS });
    await make();
    await waitFor(() => expect(dialog().textContent).toContain("EXQ-1101"));
    isProposed = true;
    // What is proposed is held to the same as what is made.
    fill("Reason", " ");
    const propose = () => within(dialog()).getByRole("button", { name: "Propose it to others" });
    expect(propose().getAttribute("aria-disabled")).toBe("true");
    fireEvent.click(propose());
    fill("Reason", "a test");
    fill(/^Type /, "something else");
    expect(propose().getAttribute("aria-disabled")).toBe("true");
    fireEvent.click(propose());
    expect(sent).toHaveLength(1);
    fill(/^Type /, PHRASE);
    await press("Propose it to others", dialog);
    await keptBy("valid later");
    expect(words()).toContain("Proposed as proposal 5");
  });
});

describe("what is shown once", () => {
  const before = ["/maintenance"];

  // Goal: it stays until the person says that it is kept, whatever is pressed. Method: a password for somebody else, codes of a change and
  // codes of an authenticator, each with every way to another page tried.
  it("is left by no other way", async () => {
    const { first } = noting(({ path }) => {
      if (path === "/v1/session/second-factor")
        return json(200, { secret: "s", uri: "otpauth://totp/x?secret=s", ticket: "t" });
      return json(200, { name: "otto", one_time_password: "a password", session: {}, recovery_codes: ["a code"], index: 7 });
    });
    let shown = await show("/security", "full", { first, instead: ADMINS, before });
    await press("Reset the sign-in", row("otto"));
    fill("Reason", "a test");
    fill(/^Type /, PHRASE);
    await press("Reset the sign-in", dialog);
    await keptBy("a password", shown);
    shown = await show("/security", "full", { first, instead: ADMINS, before });
    await press("New recovery codes");
    fill(/^Type /, PHRASE);
    await press("New recovery codes", dialog);
    await keptBy("a code", shown);
    shown = await show("/security", "full", { first, instead: ADMINS, before });
    await press("Enrol another authenticator");
    fill("Password", "the present one");
    await press("Begin", dialog);
    await waitFor(() => expect(within(dialog()).getByLabelText("Code")).toBeTruthy());
    fill("Code", "123456");
    await press("Enrol", dialog);
    await keptBy("a code", shown);
  });

  // Goal: a session that ends under it takes nothing away; once it is kept, one signs in. Method: the node says of everything that the session
  // is over.
  it("outlives its session", async () => {
    const { first } = noting(() => json(200, { recovery_codes: ["a code"], session: {} }));
    const shown = await show("/security", "full", { first, instead: ADMINS });
    await press("New recovery codes");
    fill(/^Type /, PHRASE);
    await press("New recovery codes", dialog);
    await waitFor(() => expect(dialog().textContent).toContain("a code"));
    shown.meet("over");
    await shown.client.refetchQueries({ queryKey: ["/v1/session"] });
    await waitFor(() => expect(shown.client.getQueryState(["/v1/session"])?.error).not.toBeNull());
    expect(dialog().textContent).toContain("a code");
    await press("It is kept", dialog);
    await waitFor(() => expect(words()).toContain("nobody is signed in"));
  });
});

describe("one's own account", () => {
  // Goal: a password is changed with what the API takes, and the page goes on with the session as it is then. Method: the session is looked at
  // anew after the change.
  it("has its password changed", async () => {
    const { sent, first } = noting(() => json(200, { session: {}, recovery_codes: [] }));
    const shown = await show("/security", "full", { first, instead: ADMINS });
    await press("Change your password");
    fill("Your present password", "the present one");
    fill("Your own password", "a whole sentence of mine");
    const before = shown.asked.filter((path) => path === "/v1/session").length;
    await press("Change it", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent[0]?.body).toEqual({ password: "the present one", new_password: "a whole sentence of mine" });
    await waitFor(() => expect(shown.asked.filter((path) => path === "/v1/session").length).toBeGreaterThan(before));
    expect(words()).toContain("Your password is changed");
  });

  // Goal: another authenticator and new recovery codes leave no code unseen. Method: both ways to their end.
  it("has another authenticator and new recovery codes", async () => {
    const { sent, first } = noting(({ path }) => {
      if (path.endsWith("/second-factor"))
        return json(200, { secret: "JBSWY3DP", uri: "otpauth://totp/x?secret=JBSWY3DP", ticket: "t" });
      return json(200, { session: {}, recovery_codes: [`code of ${path}`] });
    });
    await show("/security", "full", { first, instead: ADMINS });
    await press("Enrol another authenticator");
    fill("Password", "the present one");
    await press("Begin", dialog);
    await waitFor(() => expect(dialog().textContent).toContain("JBSWY3DP"));
    await waitFor(() => expect(within(dialog()).getByRole("img", { name: /secret for your authenticator/ })).toBeTruthy());
    fill("Code", "123456");
    await press("Enrol", dialog);
    await keptBy("code of /v1/session/second-factor/confirm");
    await press("New recovery codes");
    fill(/^Type /, PHRASE);
    await press("New recovery codes", dialog);
    await keptBy("code of /v1/session/recovery-codes");
    expect(sent.map(({ path }) => path.split("/").slice(3).join("/"))).toEqual([
      "second-factor",
      "second-factor/confirm",
      "recovery-codes",
    ]);
  });
});

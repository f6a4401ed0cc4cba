// Goal: what operators do by day and in need, they can do here alone. Method: the whole of it in a browser, by the persons whose work it is, each
// in a window of their own; what came of it is looked up at the API.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { go, launch, signIn, stepUp, window } from "./browser.mjs";
import { ask, askedFor, asOperator, leaderAddress, must, NETWORK, people, pinApprovers, seller, until } from "./cluster.mjs";
import { read } from "./places.mjs";

const PHRASE = "i know what this does";
const WORKER = "balance-sync/tron-1";
const DONE_MS = 120_000;
/** Names that no run before this one took. */
const RUN = Date.now().toString(36);
const FLAG = `tests.console-${RUN}`;
let browser, who, leader;
const open = {};

before(async () => {
  browser = await launch();
  who = await people();
  leader = await leaderAddress();
});
after(() => browser.close());

/** Somebody signed in as a program, with a second factor of this moment. */
const signedIn = async ({ name, password, code }) =>
  must("POST", "/v1/session", { at: leader, body: { name, password, otp: await code(), bearer: true } });

/** The window of somebody, who is signed in there. */
async function at(name, path, title) {
  open[name] ??= await window(browser);
  // It may have moved by itself.
  leader = await leaderAddress();
  // Whoever is signed in at a node is so there, not at the others.
  if (open[name].at !== leader) await signIn(open[name].page, who[name], leader);
  open[name].at = leader;
  const { page } = open[name];
  await go(page, path, leader);
  await read(page, title);
  return page;
}

/** Presses a button, fills in what its dialog asks for, and confirms. */
async function act(page, button, { by, reason = "a test of the console", type, fill = {}, confirm } = {}) {
  const label = confirm ?? (await button.innerText());
  await button.click();
  const dialog = page.getByRole("dialog").last();
  await dialog.waitFor();
  for (const [name, value] of Object.entries(fill)) {
    const field = dialog.getByLabel(name, { exact: true });
    if ((await field.evaluate((element) => element.tagName)) === "SELECT") await field.selectOption(value);
    else await field.fill(value);
  }
  const reasonField = dialog.getByLabel("Reason");
  if ((await reasonField.count()) > 0) await reasonField.fill(reason);
  if (type !== undefined) await dialog.getByLabel(/^Type /).fill(type);
  await dialog
    .getByRole("button", { name: label, exact: true })
    .click()
    .catch((error) => stays(dialog, error));
  if (by !== undefined) await stepUp(page, by);
  return dialog;
}

/** Types what a dialog wants typed, and answers it. */
async function typed(dialog) {
  const asked = await dialog.getByText(/^Type “/).innerText();
  const word = /“(.*)”/.exec(asked)[1];
  await dialog.getByLabel(/^Type /).fill(word);
  return word;
}

/** Says what a dialog says, where it does not go on. */
async function stays(dialog, error) {
  throw new Error(`the dialog stays: ${(await dialog.allInnerTexts()).join(" | ")}`, { cause: error });
}

const gone = (dialog) => dialog.waitFor({ state: "detached" }).catch((error) => stays(dialog, error));

test("a worker is stopped and started again, with its name", async () => {
  const page = await at("otto", `/workers/${encodeURIComponent(WORKER)}`, WORKER);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("a test of the console");
  await dialog.getByLabel(/^Type /).fill("something else");
  assert.equal(await dialog.getByRole("button", { name: "Stop", exact: true }).getAttribute("aria-disabled"), "true");
  await dialog.getByLabel(/^Type /).fill(WORKER);
  await dialog.getByRole("button", { name: "Stop", exact: true }).click();
  await gone(dialog);
  await page.getByRole("definition").filter({ hasText: "stopped" }).first().waitFor();
  await gone(await act(page, page.getByRole("button", { name: "Start", exact: true })));
  await page.getByRole("definition").filter({ hasText: "running" }).first().waitFor();
  await gone(await act(page, page.getByRole("button", { name: "Restart", exact: true })));
});

test("a flag is made, switched off after a look at the difference, and brought back", async () => {
  const page = await at("otto", "/settings?tab=flags", "Settings");
  await gone(await act(page, page.getByRole("button", { name: "New flag" }), { fill: { Name: FLAG } }));
  const row = page.getByRole("row").filter({ hasText: FLAG });
  await row.getByRole("button", { name: "Switch off" }).click();
  const dialog = page.getByRole("dialog");
  assert.equal(await dialog.locator("del").innerText(), "on");
  assert.equal(await dialog.locator("ins").innerText(), "off");
  await dialog.getByLabel("Reason").fill("a test of the console");
  await dialog.getByRole("button", { name: "Switch off" }).click();
  await gone(dialog);
  await row.getByRole("button", { name: "Switch on" }).waitFor();
  const flag = async () => {
    const { on, version } = await asOperator("GET", `/v1/flags/${FLAG}`);
    return [on, version];
  };
  assert.deepEqual(await flag(), [false, 2]);
  await row.getByRole("button", { name: "Switch on" }).click();
  const back = page.getByRole("dialog");
  assert.equal(await back.locator("del").innerText(), "off");
  assert.equal(await back.locator("ins").innerText(), "on");
  await back.getByLabel("Reason").fill("a test of the console");
  await back.getByRole("button", { name: "Switch on" }).click();
  await gone(back);
  assert.deepEqual(await flag(), [true, 3]);
});

test("a setting is changed, and its history brings it back", async () => {
  const page = await at("otto", "/settings?find=read.stale_max", "Settings");
  const before = (await asOperator("GET", "/v1/settings/read.stale_max")).value;
  const other = before === "11s" ? "12s" : "11s";
  const row = page.getByRole("row").filter({ hasText: "read.stale_max" });
  await gone(await act(page, row.getByRole("button", { name: "Change" }), { fill: { Value: other } }));
  await until("the value holds", async () => (await asOperator("GET", "/v1/settings/read.stale_max")).value === other);
  await go(page, "/settings?tab=history", leader);
  await read(page, "Settings");
  const back = page
    .getByRole("row")
    .filter({ hasText: "read.stale_max" })
    .first()
    .getByRole("button", { name: "Back to before this" });
  await back.click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("a test of the console");
  await typed(dialog);
  await dialog.getByRole("button", { name: "Back to before this" }).click();
  await stepUp(page, who.otto);
  await gone(dialog);
  assert.equal((await asOperator("GET", "/v1/settings/read.stale_max")).value, before);
});

test("keys are made in the browser, and the first two confirm each other", async () => {
  const confirmed = async () =>
    (await asOperator("GET", "/v1/approval-keys")).keys.filter(({ state }) => state === "confirmed").length;
  const before = await confirmed();
  for (const name of ["ada", "sam", "axel"]) {
    const page = await at(name, "/security", "Security");
    await page.getByRole("button", { name: "Make a key in this browser" }).click();
    const dialog = await act(page, page.getByRole("button", { name: "Enrol it" }), { type: "approval key", by: who[name] });
    await gone(dialog);
  }
  const confirm = async (by, whose) => {
    const page = await at(by, "/security", "Security");
    const row = page
      .getByRole("row")
      .filter({ has: page.getByRole("cell", { name: whose, exact: true }) })
      .filter({ hasText: "enrolled" });
    await row.getByRole("button", { name: "Confirm" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Reason").fill("read to me");
    await typed(dialog);
    await dialog.getByRole("button", { name: "Sign and approve" }).click();
    await gone(dialog);
  };
  await confirm("ada", "sam");
  await confirm("sam", "ada");
  await confirm("ada", "axel");
  const keys = await asOperator("GET", "/v1/approval-keys");
  assert.ok(keys.in_force_since);
  assert.equal(await confirmed(), before + 3);
  await pinApprovers();
});

test("a withdrawal is approved by a second person and watched to its end", async () => {
  const policy = await asOperator("GET", "/v1/withdrawal-policy");
  const rule = {
    name: `console-${RUN}`,
    verdict: "approve",
    usd_from: "1200",
    networks: [NETWORK],
    needs: [{ group: "treasury", count: 1 }],
  };
  const { rules, groups, limits, version } = policy;
  const body = { rules: [rule, ...rules], groups, limits, if_version: version, reason: "a test of the console" };
  const { token } = await signedIn(who.ada);
  // Two persons have confirmed keys by now: one alone changes no policy.
  const put = await ask("PUT", "/v1/withdrawal-policy", { body, token, at: leader, headers: { "exq-propose": "true" } });
  assert.ok(put.body.proposal !== undefined, JSON.stringify(put.body));
  await approve(put.body.proposal);
  const user = await seller();
  assert.ok(user !== null, "no user of the demo has two coins yet");
  const { withdrawal: number, address: to } = await askedFor(user, `console-${RUN}`);
  await until(
    "it waits for a person",
    async () => (await asOperator("GET", `/v1/withdrawals/${number}`)).state === "awaiting-approval",
  );

  // From the overview: what needs somebody leads to it.
  const page = await at("axel", "/", "Overview");
  await page.getByRole("link", { name: `Withdrawal ${number}`, exact: true }).click();
  await read(page, `Withdrawal ${number}`);
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  const dialog = page.getByRole("dialog");
  assert.ok((await dialog.innerText()).toLowerCase().includes(to));
  assert.equal(await typed(dialog), String(number));
  await dialog.getByRole("button", { name: "Sign and approve" }).click();
  await gone(dialog);
  await page.getByText("completed").first().waitFor({ timeout: DONE_MS });
  assert.equal((await asOperator("GET", `/v1/withdrawals/${number}`)).state, "completed");
});

/** Sam approves what Ada proposed. */
async function approve(proposal) {
  const page = await at("sam", `/approvals/${proposal}`, `Proposal ${proposal}`);
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  const dialog = page.getByRole("dialog");
  assert.equal(await typed(dialog), String(proposal));
  await dialog.getByRole("button", { name: "Sign and approve" }).click();
  await gone(dialog);
  await page.getByText("executed").first().waitFor();
}

test("a network goes into maintenance and out of it", async () => {
  const page = await at("otto", "/maintenance", "Maintenance and emergency");
  await gone(
    await act(page, page.getByRole("button", { name: "Maintenance of a network" }), {
      fill: { Network: "polygon", "Customers are told": "Polygon rests for an hour." },
      type: "polygon",
      by: who.otto,
    }),
  );
  await page.getByText("Polygon rests for an hour.").first().waitFor();
  const rests = async () => {
    const { windows } = await asOperator("GET", "/v1/maintenance");
    return windows.some(({ banner, open }) => open && banner === "Polygon rests for an hour.");
  };
  assert.equal(await rests(), true);
  await gone(await act(page, page.getByRole("button", { name: "End", exact: true })));
  await page.getByText("None is announced and none is open.").waitFor();
  assert.equal(await rests(), false);
});

test("everything is stopped by one person and resumed by two", async () => {
  const page = await at("ada", "/maintenance", "Maintenance and emergency");
  await gone(await act(page, page.getByRole("button", { name: "Stop everything" }), { type: PHRASE, by: who.ada }));
  await page.getByText("The exchange is stopped.").first().waitFor();
  const dialog = await act(page, page.getByRole("button", { name: "Resume" }), { type: PHRASE, by: who.ada });
  await dialog.getByRole("button", { name: "Propose it to others" }).click();
  await gone(dialog);
  const waiting = (await must("GET", "/v1/proposals", { token: (await signedIn(who.ada)).token, at: leader })).proposals;
  await approve(waiting.at(-1).number);
  await page.getByText("The exchange runs.").waitFor();
});

test("leadership moves while a page is open", async () => {
  const page = await at("otto", "/cluster", "Cluster");
  const row = page.getByRole("row").filter({ hasText: "follower" }).first();
  await gone(await act(page, row.getByRole("button", { name: "Make leader" })));
  const banner = page.getByRole("status").filter({ hasText: "follows and shows only" }).first();
  await banner.waitFor();
  await page.getByRole("link", { name: "Open this page on the leader" }).click();
  await read(page, "Cluster");
  await page.locator("[data-change]:not([aria-disabled])").first().waitFor();
  leader = new URL(page.url()).host;
});

test("whoever signs out everywhere is signed out there", async () => {
  const other = await window(browser);
  await signIn(other.page, who.ada, leader);
  const page = await at("ada", "/security", "Security");
  await gone(await act(page, page.getByRole("button", { name: "Sign out everywhere else" })));
  await other.page.getByRole("button", { name: "Sign in" }).waitFor({ timeout: DONE_MS });
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
});

test("no page did what it must not", () => {
  // A node that was asked while leadership moved may have had no leader to ask.
  const faults = Object.entries(open).flatMap(([name, { faults }]) => faults.map((fault) => `${name}: ${fault}`));
  assert.deepEqual(
    faults.filter((fault) => !/status of (409|422|503|401|403)/.test(fault)),
    [],
  );
});

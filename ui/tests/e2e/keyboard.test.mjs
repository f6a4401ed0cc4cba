// Goal: everything can be done without a mouse: signing in, going anywhere, a change with its confirmation, seeing that it is done, a
// flag changed after its difference was read and brought back. Method: one journey whose every step is a key; the mouse is not there.
// What came of it is looked up at the API.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { go, launch, window } from "./browser.mjs";
import { asOperator, leaderAddress, people, until } from "./cluster.mjs";
import { read } from "./places.mjs";

const WORKER = "deposit/tron-1";
const FLAG = `tests.keyboard-${Date.now().toString(36)}`;
const REASON = "a test without a mouse";
/** More than any page has between its beginning and its end. */
const TABS_MAX = 200;
let browser, otto, leader;

before(async () => {
  browser = await launch();
  ({ otto } = await people());
  leader = await leaderAddress();
});
after(() => browser.close());

/** What has the focus: its label, or what it says, and where it is. */
const focused = (page) =>
  page.evaluate(() => {
    // The document itself, past its last part: nothing has the focus.
    const one = document.activeElement === document.body ? null : document.activeElement;
    const label = one?.labels?.[0]?.textContent ?? one?.getAttribute("aria-label") ?? one?.textContent ?? "";
    return {
      label: label.trim(),
      row: one?.closest("tr")?.textContent ?? "",
      inDialog: one?.closest('[role="dialog"]') != null,
      isSeen: one?.matches(":focus-visible") === true,
    };
  });

/** Goes on by Tab until what has the focus is what is looked for; wherever it stops on the way, one sees where one is. */
async function tabTo(page, label, where = () => true) {
  const met = [];
  for (let tabs = 0; tabs < TABS_MAX; tabs += 1) {
    await page.keyboard.press("Tab");
    const now = await focused(page);
    met.push(now.label);
    if (now.label === "") continue;
    assert.ok(now.isSeen, `nothing shows that ${now.label} has the focus`);
    if ((label instanceof RegExp ? label.test(now.label) : now.label === label) && where(now)) return now;
  }
  throw new Error(`no key leads to ${label}; met ${[...new Set(met)].join(" | ")}`);
}

/** Fills in what a dialog asks for, and confirms, by keys alone. */
async function confirm(page, label, { name } = {}) {
  const inDialog = ({ inDialog }) => inDialog;
  await page.getByRole("dialog").waitFor();
  await tabTo(page, /^Reason/, inDialog);
  await page.keyboard.type(REASON);
  if (name !== undefined) {
    await tabTo(page, /^Type /, inDialog);
    await page.keyboard.type(name);
  }
  await tabTo(page, label, inDialog);
  await page.keyboard.press("Enter");
  await page
    .getByRole("dialog")
    .waitFor({ state: "detached" })
    .catch(async (error) => {
      throw new Error(`the dialog stays: ${await page.getByRole("dialog").innerText()}`, { cause: error });
    });
}

/** Types into the palette where to go, and goes there. */
async function palette(page, words) {
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog", { name: "Go to" }).waitFor();
  await page.keyboard.type(words);
  await page.keyboard.press("Enter");
}

test("a whole journey without a mouse", async () => {
  const { page, faults, context } = await window(browser);
  await page.addInitScript(() => {
    for (const kind of ["pointerdown", "mousedown", "click"])
      globalThis.addEventListener(
        kind,
        (event) => {
          // A key on a button is told as a click without a place.
          if (event.isTrusted && (kind !== "click" || event.detail > 0)) globalThis.__mouse = kind;
        },
        true,
      );
  });

  // Signing in.
  await go(page, "/", leader);
  await page.getByLabel("Name").waitFor();
  await tabTo(page, "Name");
  await page.keyboard.type(otto.name);
  await tabTo(page, "Password");
  await page.keyboard.type(otto.password);
  await tabTo(page, "Code");
  await page.keyboard.type(await otto.code());
  await page.keyboard.press("Enter");
  await page.getByRole("navigation", { name: "Pages" }).waitFor();

  // A worker, by the palette: its log, then another process of it, with the confirmation.
  await palette(page, WORKER);
  await read(page, WORKER);
  await tabTo(page, "Logs");
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Log" }).waitFor();
  await tabTo(page, "Status");
  await page.keyboard.press("Enter");
  await page.getByRole("definition").filter({ hasText: "running" }).first().waitFor();
  const before = await asOperator("GET", `/v1/workers/${encodeURIComponent(WORKER)}`);
  await tabTo(page, "Restart");
  await page.keyboard.press("Enter");
  // Escape leaves it as it is, and the focus goes back to where it was.
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal((await focused(page)).label, "Restart");
  await page.keyboard.press("Enter");
  await confirm(page, "Restart");
  await page.locator(".toasts").getByText(`Restarted: ${WORKER}.`).waitFor();
  const after = await until("another process runs", async () => {
    const now = await asOperator("GET", `/v1/workers/${encodeURIComponent(WORKER)}`);
    return now.state === "running" && now.pid !== before.pid ? now : null;
  });
  await page
    .getByRole("definition")
    .filter({ hasText: String(after.pid) })
    .first()
    .waitFor();

  // Rows by letters, from a page that a letter goes to.
  await page.keyboard.press("g");
  await page.keyboard.press("w");
  await read(page, "Workers");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  assert.match((await focused(page)).label, /\//);
  await page.keyboard.press("Enter");
  await page.getByRole("navigation", { name: "About this worker" }).waitFor();

  // A flag: switched off after its difference was read, and switched on again.
  await asOperator("PUT", `/v1/flags/${FLAG}`, { on: true, permille: 1_000, reason: "to be switched" });
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await read(page, "Settings");
  await tabTo(page, "Flags");
  await page.keyboard.press("Enter");
  await page.getByRole("row").filter({ hasText: FLAG }).waitFor();
  const ofFlag = ({ row }) => row.includes(FLAG);
  for (const [label, from, to] of [
    ["Switch off", "on", "off"],
    ["Switch on", "off", "on"],
  ]) {
    await page.getByRole("row").filter({ hasText: FLAG }).getByRole("button", { name: label }).waitFor();
    await tabTo(page, label, ofFlag);
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    assert.deepEqual([await dialog.locator("del").innerText(), await dialog.locator("ins").innerText()], [from, to]);
    await confirm(page, label);
    await until(`the flag is ${to}`, async () => (await asOperator("GET", `/v1/flags/${FLAG}`)).on === (to === "on"));
  }
  assert.equal((await asOperator("GET", `/v1/flags/${FLAG}`)).version, 3);

  // Keys are listed, and the way out.
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await tabTo(page, "Sign out");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  assert.equal(await page.evaluate(() => globalThis.__mouse), undefined);
  assert.deepEqual(faults, []);
  await context.close();
});

// Goal: every page can be read by everybody, does nothing that the policy refuses, and fails nowhere.
// Method: each page, dialogs, and what comes before one is signed in, in both themes, by axe (WCAG 2 A and AA), with the browser's console and the policy's refusals on record.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { go, launch, signIn, window } from "./browser.mjs";
import { asOperator, furtherPlaces, leaderAddress, must, NODES, people } from "./cluster.mjs";
import { everyPlace, read, tellDiscrepancy } from "./places.mjs";

const AXE = readFileSync(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
let browser, ada;
before(async () => {
  browser = await launch();
  ({ ada } = await people());
});
after(() => browser.close());

/** What axe finds in what is shown. */
async function violationsOf(page, where) {
  // Scripts of the test are not the page's: they do not go through its policy.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa"], resultTypes: ["violations"] }),
  );
  return violations.map(({ id, nodes }) => `${where}: ${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}

/**
 * Has the page be told this of its session, on top of what the node says. An account chooses its first password once and has its
 * authenticator enrolled once; here both are looked at in each theme, and nothing of them is sent.
 */
async function tellSession(page, told) {
  let parts = told;
  const isSession = ({ pathname }) => pathname === "/v1/session";
  await page.unrouteAll();
  await page.route(isSession, async (route) => {
    if (route.request().method() !== "GET") return route.fallback();
    const response = await route.fetch().catch(() => null);
    // The page was left meanwhile.
    if (response === null) return route.abort();
    return route.fulfill({ response, json: { ...(await response.json()), ...parts } });
  });
  const factor = { secret: "JBSWY3DPEHPK3PXP", uri: "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP", ticket: "a ticket" };
  await page.route("**/v1/session/second-factor", (route) => route.fulfill({ json: factor }));
  await page.route("**/v1/session/second-factor/confirm", (route) => {
    // The account is whole from then on: what the node says of the session itself is what the page is told.
    parts = {};
    return route.fulfill({ json: { session: {}, recovery_codes: ["aaaa-bbbb-cccc", "dddd-eeee-ffff"] } });
  });
}

for (const theme of ["dark", "light"]) {
  // What is over a page, and what is before all of them.
  test(`dialogs and signing in, ${theme}`, async () => {
    const leader = await leaderAddress();
    const { page, faults, context } = await window(browser, { theme });
    const found = [];
    const look = async (where) => found.push(...(await violationsOf(page, where)));
    await go(page, "/", leader);
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await look("signing in");
    await signIn(page, ada, leader);

    await read(page, "Overview");
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog", { name: "Go to" }).waitFor();
    await look("the palette");
    await page.keyboard.press("Escape");

    await go(page, "/security", leader);
    await read(page, "Security");
    await page.getByRole("button", { name: "New admin" }).click();
    await page.getByRole("dialog").waitFor();
    await look("a change's dialog");
    await page.getByRole("button", { name: "Cancel" }).click();

    // A factor that was shown long ago is asked for; the person gives up, and nothing is sent.
    await tellSession(page, { stepped_up_until: null });
    await go(page, "/security", leader);
    await read(page, "Security");
    await page.getByRole("button", { name: "New recovery codes" }).click();
    const dialog = page.getByRole("dialog").last();
    await dialog.getByLabel(/^Type /).fill("i know what this does");
    await dialog.getByRole("button", { name: "New recovery codes" }).click();
    const stepUp = page.getByRole("dialog", { name: "Show your second factor" });
    await stepUp.waitFor();
    await look("the second factor");
    await stepUp.getByRole("button", { name: "Cancel" }).click();

    await tellSession(page, { must: "change-password" });
    await go(page, "/", leader);
    await page.getByRole("heading", { name: "Choose your own password" }).waitFor();
    await look("the first password");

    await tellSession(page, { must: "enrol-second-factor" });
    await go(page, "/", leader);
    await page.getByLabel("Password").waitFor();
    await look("enrolment, its beginning");
    await page.getByLabel("Password").fill("is sent nowhere");
    await page.getByRole("button", { name: "Begin" }).click();
    await page.getByRole("img", { name: /secret for your authenticator/ }).waitFor();
    await look("enrolment, the secret");
    await page.getByLabel("Code").fill("123456");
    await page.getByRole("button", { name: "Enrol" }).click();
    await page.getByRole("heading", { name: "2 recovery codes" }).waitFor();
    await look("recovery codes");
    // The page looks at its session again, as it does every minute and when it is come back to: the codes stay until they are kept.
    const readAgain = page.waitForResponse((response) => new URL(response.url()).pathname === "/v1/session");
    await page.evaluate(() => globalThis.dispatchEvent(new Event("visibilitychange")));
    await readAgain;
    await page.getByText("aaaa-bbbb-cccc").waitFor();
    await page.getByRole("button", { name: "They are kept" }).click();
    await read(page, "Overview");
    assert.equal(await page.getByText("aaaa-bbbb-cccc").count(), 0);

    assert.deepEqual(found, []);
    assert.deepEqual(faults, []);
    await context.close();
  });

  test(`every page, ${theme}`, async () => {
    const { page, faults, context } = await window(browser, { theme });
    await signIn(page, ada);
    const found = [];
    await tellDiscrepancy(page);
    for (const [path, title] of everyPlace(await furtherPlaces())) {
      await go(page, path);
      await read(page, title);
      found.push(...(await violationsOf(page, path)));
    }
    assert.deepEqual(found, []);
    assert.deepEqual(faults, []);
    await context.close();
  });
}

// Markup, a way out of an attribute, and a character that turns what follows it.
const EVIL = `<img src=x onerror="document.title='run'">" onmouseover="x <script>document.title='run'</script>\u202eend`;
const FAR_MS = 30 * 86_400_000;

/** Others write the worst that the API takes: labels, reasons, payloads, what customers are told, names of persons and programs. */
async function writeEvil() {
  const reason = EVIL;
  const { user } = await asOperator("POST", "/v1/users", { label: EVIL.slice(0, 80) });
  await asOperator("POST", "/v1/jobs", { queue: "tests-of-the-console", payload: EVIL, reason });
  await asOperator("PUT", "/v1/flags/tests.evil", { on: false, permille: 0, reason, description: EVIL });
  const starts_at = new Date(Date.now() + FAR_MS).toISOString();
  const window = await asOperator("POST", "/v1/maintenance/networks/arbitrum", { banner: EVIL, starts_at, reason });
  await must("POST", "/v1/session", {
    body: { name: ada.name, password: ada.password, otp: await ada.code(), bearer: true },
    headers: { "user-agent": EVIL.replace("\u202e", "") },
  });
  return { user, window };
}

test("what others wrote is text", async () => {
  const { user } = await writeEvil();
  const { page, faults, context } = await window(browser);
  await signIn(page, ada);
  const places = [
    [`/users/${user}`, `User ${user}`],
    [`/users?from=${user}`, "Users"],
    ["/jobs?tab=jobs", "Jobs and directives"],
    ["/settings?tab=flags&flag=tests.evil", "Settings"],
    ["/maintenance", "Maintenance and emergency"],
    ["/security", "Security"],
    ["/audit", "Audit"],
  ];
  for (const [path, title] of places) {
    await go(page, path);
    await read(page, title);
    assert.equal(await page.locator("#root :is(img, script, iframe, [onerror], [onmouseover])").count(), 0, path);
    const text = await page.locator("body").innerText();
    assert.ok(text.includes("<img src=x onerror="), `${path} does not show it`);
    assert.ok(!text.includes("\u202e"), `${path} is turned around`);
    assert.equal(await page.title(), `${title} · Exchequer`);
  }
  assert.deepEqual(faults, []);
  const { windows } = await asOperator("GET", "/v1/maintenance");
  for (const one of windows)
    await asOperator("POST", `/v1/maintenance/windows/${one.number}/end`, { reason: "the test is over" });
  await context.close();
});

test("an address that is no page says so", async () => {
  const { page, context } = await window(browser);
  await signIn(page, ada, NODES[0]);
  await go(page, "/no/such/page");
  await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  await context.close();
});

// Goal: every page can be read by everybody, does nothing that the policy refuses, and fails nowhere.
// Method: each page in both themes, by axe (WCAG 2 A and AA), with the browser's console and the policy's refusals on record.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { go, launch, signIn, window } from "./browser.mjs";
import { asOperator, must, NODES, people } from "./cluster.mjs";
import { PLACES, read } from "./places.mjs";

const AXE = readFileSync(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
let browser, ada;
before(async () => {
  browser = await launch();
  ({ ada } = await people());
});
after(() => browser.close());

for (const theme of ["dark", "light"]) {
  test(`every page, ${theme}`, async () => {
    const { page, faults, context } = await window(browser, { theme });
    await signIn(page, ada);
    const found = [];
    for (const [path, title] of PLACES) {
      await go(page, path);
      await read(page, title);
      // Scripts of the test are not the page's: they do not go through its policy.
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() =>
        globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa"], resultTypes: ["violations"] }),
      );
      for (const { id, nodes } of violations)
        found.push(`${path}: ${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
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

// Goal: every page can be read by everybody, does nothing that the policy refuses, and fails nowhere.
// Method: each page in both themes, by axe (WCAG 2 A and AA), with the browser's console and the policy's refusals on record.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, signIn, url, window } from "./browser.mjs";
import { asOperator, NODES, people } from "./cluster.mjs";
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
      await page.goto(url(path));
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

test("what others wrote is text", async () => {
  const evil = `<img src=x onerror="document.title='run'">\u202e<script>document.title='run'</script>`;
  const { user } = await asOperator("POST", "/v1/users", { label: evil.replace("\u202e", "") });
  const { page, faults, context } = await window(browser);
  await signIn(page, ada);
  await page.goto(url(`/users/${user}`));
  await read(page, `User ${user}`);
  assert.equal(await page.locator(".main img, .main script").count(), 0);
  assert.ok((await page.locator(".main").innerText()).includes("<img src=x onerror="));
  assert.equal(await page.title(), `User ${user} · Exchequer`);
  assert.deepEqual(faults, []);
  await context.close();
});

test("an address that is no page says so", async () => {
  const { page, context } = await window(browser);
  await signIn(page, ada, NODES[0]);
  await page.goto(url("/no/such/page"));
  await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  await context.close();
});

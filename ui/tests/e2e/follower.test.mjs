// Goal: a follower changes nothing and says so everywhere; a page whose node dies goes on at the next leader within five seconds.
// Method: every page on a follower, each control that changes something; then the leader's process is killed under an open page.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { go, launch, signIn, window } from "./browser.mjs";
import { ask, NODES, people } from "./cluster.mjs";
import { PLACES, read } from "./places.mjs";

const RECOVERED_MS = 5_000;
let browser, ada;
before(async () => {
  browser = await launch();
  ({ ada } = await people());
});
after(() => browser.close());

const status = async (at) => (await ask("GET", "/v1/status", { token: process.env.EXCHEQUER_TOKEN, at })).body;

/** The API addresses of the leader and of a follower. */
async function places() {
  const all = await Promise.all(NODES.map(async (at) => ({ at, ...(await status(at)) })));
  return { leader: all.find(({ role }) => role === "leader"), follower: all.find(({ role }) => role === "follower") };
}

test("every control of a follower is held back, with its reason", async () => {
  const { follower } = await places();
  const { page, context } = await window(browser);
  await signIn(page, ada, follower.at);
  await page.getByRole("status").filter({ hasText: "follows and shows only" }).first().waitFor();
  let controls = 0;
  const open = [];
  for (const [path, title] of PLACES) {
    await go(page, path, follower.at);
    await read(page, title);
    for (const one of await page.locator("[data-change]").all()) {
      controls += 1;
      const [change, disabled, told] = await one.evaluate((element) => [
        element.dataset.change,
        element.getAttribute("aria-disabled"),
        document.getElementById(element.getAttribute("aria-describedby") ?? "")?.textContent ?? "",
      ]);
      if (disabled !== "true" || !told.includes("follows and shows only")) open.push(`${path}: ${change}: ${told}`);
    }
  }
  assert.deepEqual(open, []);
  assert.ok(controls > 30, `only ${controls} controls were found`);
  await context.close();
});

test("a page goes on when its leader dies", async () => {
  const { leader } = await places();
  const { page, context } = await window(browser);
  await signIn(page, ada, leader.at);
  await go(page, "/workers?state=running", leader.at);
  await read(page, "Workers");
  const pid = execFileSync("pgrep", ["--full", `serve.*${process.env.EXCHEQUER_DEMO_FOLDER}/${leader.node}\\b`])
    .toString()
    .trim()
    .split("\n")[0];
  process.kill(Number(pid), "SIGKILL");
  const killed = Date.now();
  await page.waitForURL(
    (now) => now.host !== leader.at && now.pathname === "/ui/workers" && now.searchParams.get("state") === "running",
    {
      waitUntil: "commit",
    },
  );
  await page.waitForFunction(() => document.querySelectorAll("[data-change]:not([aria-disabled])").length > 0);
  const took = Date.now() - killed;
  console.log(`recovered after ${took} ms`);
  assert.ok(took <= RECOVERED_MS, `it took ${took} ms`);
  await context.close();
});

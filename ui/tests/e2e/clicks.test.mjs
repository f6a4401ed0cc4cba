// Goal: whoever is called at night finds with a few clicks why a withdrawal is stuck, and which worker is failing.
// Method: both are made; from Overview on, each click is counted, by the way that Overview shows and by the lists. What is found is held to
// what the API says.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { go, launch, signIn, window } from "./browser.mjs";
import { asOperator, heldWithdrawal, leaderAddress, people, until } from "./cluster.mjs";
import { read } from "./places.mjs";

const CLICKS_MAX = 4;
/** It ends by itself often enough to be given up within this time, the waits between its starts included. */
const FAILED_MS = 180_000;
/** A kind that moves no money, and an instance that nothing else of the demo has. */
const WORKER = "selftest/77";
const REASON = "a test of the console";
let browser, ada, leader;

before(async () => {
  browser = await launch();
  ({ ada } = await people());
  leader = await leaderAddress();
});
after(() => browser.close());

/** Overview in a window of its own, and clicks that are counted. */
async function overview() {
  const { page, faults, context } = await window(browser);
  await signIn(page, ada, leader);
  await go(page, "/", leader);
  await read(page, "Overview");
  let clicks = 0;
  const click = async (locator) => {
    await locator.click();
    clicks += 1;
  };
  const end = async () => {
    assert.ok(clicks > 0 && clicks <= CLICKS_MAX, `it took ${clicks} clicks`);
    assert.deepEqual(faults, []);
    await context.close();
    return clicks;
  };
  return { page, click, end };
}

/** A worker that has failed: its process is killed whenever there is one, until the node gives it up. */
async function failedWorker() {
  const path = `/v1/workers/${encodeURIComponent(WORKER)}`;
  await asOperator("POST", "/v1/workers", { workers: [WORKER], desired: "running", reason: REASON });
  let killed = null;
  const failed = await until(
    `${WORKER} has failed`,
    async () => {
      const one = await asOperator("GET", path);
      if (one.state === "failed") return one;
      if (one.pid !== null && one.pid !== killed) {
        killed = one.pid;
        try {
          process.kill(killed, "SIGKILL");
        } catch (error) {
          // It was gone by itself, and is told as there still.
          if (error.code !== "ESRCH") throw error;
        }
      }
      return null;
    },
    FAILED_MS,
  );
  const remove = async () => {
    await asOperator("POST", `${path}/stop`, { reason: REASON });
    // One that has failed has no process, and stays what it is.
    await until("it has no process", async () => ["stopped", "failed"].includes((await asOperator("GET", path)).state));
    await asOperator("POST", `${path}/remove`, { reason: REASON });
  };
  return { failed, remove };
}

test("why a withdrawal is stuck", async () => {
  const { withdrawal, free } = await heldWithdrawal(`clicks-${Date.now().toString(36)}`);
  const { now } = await asOperator("GET", `/v1/withdrawals/${withdrawal}/explain`);
  assert.notEqual(now, "");
  const isTold = async (page) => {
    await read(page, `Withdrawal ${withdrawal}`);
    await page.getByText(now).first().waitFor();
    await page.getByRole("definition").filter({ hasText: "treasury" }).first().waitFor();
  };

  const first = await overview();
  await first.click(first.page.getByRole("link", { name: `Withdrawal ${withdrawal}`, exact: true }));
  await isTold(first.page);
  const shown = await first.end();

  // By the lists, as somebody comes who was told of it by its user.
  const second = await overview();
  await second.click(second.page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Withdrawals" }));
  await read(second.page, "Withdrawals");
  await second.click(second.page.locator(`.main table a[href$="/withdrawals/${withdrawal}"]`).first());
  await isTold(second.page);
  console.log(`why a withdrawal is stuck: ${shown} click from Overview, ${await second.end()} by the list`);
  await free();
});

test("which worker is failing, and why", async () => {
  const { failed, remove } = await failedWorker();
  assert.notEqual(failed.why ?? "", "");
  const { finding } = await asOperator("GET", `/v1/workers/${encodeURIComponent(WORKER)}/diagnosis`);
  assert.notEqual(finding, "");

  const first = await overview();
  // It is told there already; the click leads to what can be done.
  await first.page.getByRole("listitem").filter({ hasText: WORKER }).filter({ hasText: failed.why }).waitFor();
  await first.click(first.page.getByRole("link", { name: WORKER, exact: true }));
  await read(first.page, WORKER);
  await first.page.getByText(finding).first().waitFor();
  const shown = await first.end();

  const second = await overview();
  await second.click(second.page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Workers" }));
  await read(second.page, "Workers");
  await second.click(second.page.locator(".main table").getByRole("link", { name: WORKER, exact: true }));
  await read(second.page, WORKER);
  await second.page.getByRole("definition").filter({ hasText: failed.why }).first().waitFor();
  console.log(`which worker is failing: ${shown} click from Overview, ${await second.end()} by the list`);
  await remove();
});

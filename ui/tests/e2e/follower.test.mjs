// Goal: a follower changes nothing and says so everywhere; a page whose node dies goes on at the next leader within five seconds.
// Method: every page on a follower, each control that changes something; then the leader's process is killed under an open page.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, openSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { go, launch, signIn, window } from "./browser.mjs";
import { ask, NODES, people } from "./cluster.mjs";
import { PLACES, read } from "./places.mjs";

const RECOVERED_MS = 5_000;
const BACK_MS = 60_000;
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

/** What nodes that follow hand on to the leader: the key of a browser lives at one address. */
const HANDED_ON = ["POST /v1/proposals/{id}/approve", "POST /v1/withdrawals/{withdrawal}/approve"];

test("every control of a follower is held back, with its reason", async () => {
  const { follower } = await places();
  const { page, context } = await window(browser);
  await signIn(page, ada, follower.at);
  let controls = 0;
  const open = [];
  for (const [path, title] of PLACES) {
    await go(page, path, follower.at);
    await read(page, title);
    await page.getByRole("status").filter({ hasText: "follows and shows only" }).first().waitFor();
    for (const one of await page.locator("[data-change]").all()) {
      controls += 1;
      const [change, disabled, told] = await one.evaluate((element) => [
        element.dataset.change,
        element.getAttribute("aria-disabled"),
        document.getElementById(element.getAttribute("aria-describedby") ?? "")?.textContent ?? "",
      ]);
      if (HANDED_ON.includes(change)) continue;
      if (disabled !== "true" || !told.includes("follows and shows only")) open.push(`${path}: ${change}: ${told}`);
    }
  }
  assert.deepEqual(open, []);
  assert.ok(controls > 30, `only ${controls} controls were found`);
  await context.close();
});

/** Kills a node's process; what is answered starts it again, as it was started: the tests after these want three nodes. */
function kill(node) {
  const folder = `${process.env.EXCHEQUER_DEMO_FOLDER}/${node}`;
  const pid = execFileSync("pgrep", ["--full", `server --data-dir ${folder}$`])
    .toString()
    .trim();
  const words = (file) =>
    readFileSync(`/proc/${pid}/${file}`, "utf8")
      .split("\0")
      .filter((word) => word !== "");
  const [program, ...rest] = words("cmdline");
  const env = Object.fromEntries(
    words("environ").map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]),
  );
  process.kill(Number(pid), "SIGKILL");
  return () => {
    const log = openSync(`${folder}.log`, "a");
    const child = spawn(program, rest, { env, detached: true, stdio: ["ignore", log, log] });
    child.unref();
    // Whoever stops the cluster stops this one too.
    appendFileSync(`${process.env.EXCHEQUER_DEMO_FOLDER}/started-again`, `${child.pid}\n`);
  };
}

async function until(what, look) {
  const end = Date.now() + BACK_MS;
  while (!(await look())) {
    assert.ok(Date.now() < end, `${what}: not after ${BACK_MS} ms`);
    await new Promise((after) => setTimeout(after, 250));
  }
}

test("a page goes on when its leader dies", async () => {
  const { leader } = await places();
  const { page, context } = await window(browser);
  await signIn(page, ada, leader.at);
  await go(page, "/workers?state=running", leader.at);
  await read(page, "Workers");
  const again = kill(leader.node);
  const killed = Date.now();
  await page.waitForURL(
    (now) => now.host !== leader.at && now.pathname === "/ui/workers" && now.searchParams.get("state") === "running",
    { waitUntil: "commit" },
  );
  await page.waitForFunction(() => document.querySelectorAll("[data-change]:not([aria-disabled])").length > 0);
  const took = Date.now() - killed;
  again();
  console.log(`recovered after ${took} ms`);
  assert.ok(took <= RECOVERED_MS, `it took ${took} ms`);
  await until(
    "the node that was killed is back",
    async () => (await status(leader.at).catch(() => undefined))?.role === "follower",
  );
  await context.close();
});

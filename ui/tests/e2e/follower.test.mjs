// Goal: a follower changes nothing and says so everywhere; a page whose node dies goes on at the next leader within five seconds,
// one whose node falls silent within eight. Method: every page on a follower, each control that changes something; then the leader's process is
// killed under an open page, and that of the next one stopped.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, openSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { go, launch, signIn, window } from "./browser.mjs";
import { ask, furtherPlaces, heldWithdrawal, NODES, people, until, waitingProposal } from "./cluster.mjs";
import { everyPlace, read, tellDiscrepancy } from "./places.mjs";

const RECOVERED_MS = 5_000;
/** A leader that falls silent breaks no connection: it is noticed by what it does not answer. */
const STALLED_MS = 8_000;
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

/**
 * What stays usable on a follower, and why. All of it carries the key of this browser, which lives at this node's address and does not move
 * with the leadership; the node hands it on to the leader by itself. Everything else is held back.
 */
const STAYS = {
  "POST /v1/approval-keys": "a browser's key is enrolled at the node whose page made it",
  "POST /v1/approval-keys/{id}/confirm": "it is signed by the browser's key",
  "POST /v1/proposals/{id}/approve": "it is signed by the browser's key",
  "POST /v1/withdrawals/{withdrawal}/approve": "it is signed by the browser's key",
};
const REASON = "follows and shows only";

/** The controls of what is shown: what each changes, whether it is held back, and what it says of that. */
const controlsOf = (page) =>
  page.locator("[data-change]").evaluateAll((all) =>
    all.map((element) => ({
      change: element.dataset.change,
      isHeld: element.getAttribute("aria-disabled") === "true",
      told: document.getElementById(element.getAttribute("aria-describedby") ?? "")?.textContent ?? "",
    })),
  );

test("every control of a follower is held back, with its reason, but what this browser signs", async () => {
  const { follower } = await places();
  const [held, waiting] = [await heldWithdrawal(`follower-${Date.now().toString(36)}`), await waitingProposal()];
  const { page, context } = await window(browser);
  await signIn(page, ada, follower.at);
  const own = [
    [`/withdrawals/${held.withdrawal}`, `Withdrawal ${held.withdrawal}`],
    [`/approvals/${waiting.proposal}`, `Proposal ${waiting.proposal}`],
  ];
  await tellDiscrepancy(page);
  const met = new Set();
  let controls = 0;
  const wrong = [];
  for (const [path, title] of [...everyPlace(await furtherPlaces()), ...own]) {
    await go(page, path, follower.at);
    await read(page, title);
    await page.getByRole("status").filter({ hasText: REASON }).first().waitFor();
    for (const { change, isHeld, told } of await controlsOf(page)) {
      controls += 1;
      met.add(change);
      // What stays may want for a key; that another node leads is no reason.
      const isRight = change in STAYS ? !told.includes(REASON) : isHeld && told.includes(REASON);
      if (!isRight) wrong.push(`${path}: ${change}: ${told}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(controls > 30, `only ${controls} controls were found`);
  const surely = [
    "POST /v1/proposals/{id}/approve",
    "POST /v1/withdrawals/{withdrawal}/approve",
    "POST /v1/reconciliation/discrepancies/{discrepancy}/adjust",
    "POST /v1/jobs/cancel",
  ];
  for (const change of surely) assert.ok(met.has(change), `${change} was on no page`);

  // With a key of its own the browser is not held back from enrolling it here.
  await go(page, "/security", follower.at);
  await read(page, "Security");
  await page.getByRole("button", { name: "Make a key in this browser" }).click();
  await page.getByRole("button", { name: "Enrol it" }).waitFor();
  const enrol = (await controlsOf(page)).find(({ change }) => change === "POST /v1/approval-keys");
  assert.deepEqual([enrol.isHeld, enrol.told], [false, ""]);
  await context.close();
  await waiting.takeBack();
  await held.free();
});

const folderOf = (node) => `${process.env.EXCHEQUER_DEMO_FOLDER}/${node}`;

/** The process of a node. */
const processOf = (node) =>
  Number(
    execFileSync("pgrep", ["--full", `server --data-dir ${folderOf(node)}$`])
      .toString()
      .trim(),
  );

/** Kills a node's process; what is answered starts it again, as it was started: the tests after these want three nodes. */
function kill(node) {
  const [folder, pid] = [folderOf(node), processOf(node)];
  const words = (file) =>
    readFileSync(`/proc/${pid}/${file}`, "utf8")
      .split("\0")
      .filter((word) => word !== "");
  const [program, ...rest] = words("cmdline");
  const env = Object.fromEntries(
    words("environ").map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]),
  );
  process.kill(pid, "SIGKILL");
  return () => {
    const log = openSync(`${folder}.log`, "a");
    const child = spawn(program, rest, { env, detached: true, stdio: ["ignore", log, log] });
    child.unref();
    // Whoever stops the cluster stops this one too.
    appendFileSync(`${process.env.EXCHEQUER_DEMO_FOLDER}/started-again`, `${child.pid}\n`);
  };
}

/** Stops a node's process where it is: its connections stay open, and nobody answers. What is answered lets it go on. */
function stop(node) {
  const pid = processOf(node);
  process.kill(pid, "SIGSTOP");
  return () => process.kill(pid, "SIGCONT");
}

/** A page of the leader is at the next leader, where things can be changed, within `bound` of what `strike` does to the node. */
async function recovers(strike, bound) {
  const { leader } = await places();
  const { page, context } = await window(browser);
  await signIn(page, ada, leader.at);
  await go(page, "/workers?state=running", leader.at);
  await read(page, "Workers");
  const again = strike(leader.node);
  const struck = Date.now();
  let took;
  try {
    await page.waitForURL(
      (now) => now.host !== leader.at && now.pathname === "/ui/workers" && now.searchParams.get("state") === "running",
      { waitUntil: "commit" },
    );
    await page.waitForFunction(() => document.querySelectorAll("[data-change]:not([aria-disabled])").length > 0);
    took = Date.now() - struck;
  } finally {
    again();
  }
  console.log(`recovered after ${took} ms`);
  assert.ok(took <= bound, `it took ${took} ms`);
  await until(
    "the node that was struck is back",
    async () => (await status(leader.at).catch(() => undefined))?.role === "follower",
  );
  await context.close();
}

test("a page goes on when its leader dies", () => recovers(kill, RECOVERED_MS));

test("a page goes on when its leader falls silent", () => recovers(stop, STALLED_MS));

// What the console costs: frames while long lists are browsed, and the nodes' processor while many dashboards are open.
//   node tests/e2e/measure.mjs frames       10,000 workers, 100,000 log lines, 1,000,000 entries of the journal
//   node tests/e2e/measure.mjs tasks        the same, of what each task of the page costs the processor, whatever else the machine does
//   node tests/e2e/measure.mjs dashboards   50 pages of Overview for a minute, beside a minute before and one after
// ops/console --measure starts the cluster. The long lists are made up here and answered in the place of the node's, by a server, as the
// node's are: what goes through the protocol that drives the browser goes through the process that draws. The page's own code reads,
// keeps, sorts, filters and draws them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, createServer, request } from "node:https";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { go, launch, signIn, window } from "./browser.mjs";
import { asOperator, NODES, people } from "./cluster.mjs";
import { read } from "./places.mjs";

const FRAME_MS_MAX = 100;
/** A kind that needs no network; its log is what is looked at, and its row what rows are made after. */
const WORKER = "selftest/1";
const WORKERS = 10_000;
const LINES = 100_000;
const ENTRIES = 1_000_000;
const SCROLLS = 120;
/** A wheel has no more notches than frames, in milliseconds. */
const NOTCH_MS = 17;
/** So long a page that reads by itself is looked at, in milliseconds. */
const LOOKED_AT_MS = 10_000;
const later = (ms) => new Promise((after) => setTimeout(after, ms));

const TRACED = ["toplevel", "__metadata"];

/** Keeps the longest frame from now on, as the browser tells of long ones, and the longest pause between two; or what tasks cost. */
async function record({ browser, page, isTraced }) {
  if (isTraced) return browser.startTracing(page, { categories: TRACED });
  await page.evaluate(() => {
    const seen = { frames: 0, gap: 0, longest: 0, script: "" };
    globalThis.__seen = seen;
    let last;
    const tick = (now) => {
      if (globalThis.__seen !== seen) return;
      if (last !== undefined) seen.gap = Math.max(seen.gap, now - last);
      last = now;
      seen.frames += 1;
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    globalThis.__observer?.disconnect();
    globalThis.__observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (entry.duration <= seen.longest) continue;
        seen.longest = entry.duration;
        seen.script = entry.scripts.map(({ invoker, duration }) => `${invoker} ${Math.round(duration)} ms`).join(", ");
      }
    });
    globalThis.__observer.observe({ type: "long-animation-frame" });
  });
}

/** The longest that a task of a page's own thread took of the processor, in milliseconds. */
function longestTask(trace) {
  const { traceEvents } = JSON.parse(trace.toString());
  const own = new Set(
    traceEvents
      .filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(({ name, pid, tid }) => name.endsWith("RunTask") && own.has(`${pid} ${tid}`));
  assert.ok(tasks.length > 0, "the browser traced nothing");
  return Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1_000;
}

async function told({ browser, page, isTraced }, what) {
  const load = `load of the machine ${loadavg()[0].toFixed(1)}`;
  if (isTraced) {
    const task = longestTask(await browser.stopTracing());
    console.log(`${what}: the longest task took ${task.toFixed(0)} ms of the processor; ${load}`);
    return task;
  }
  const { frames, gap, longest, script } = await page.evaluate(() => globalThis.__seen);
  const seen = longest === 0 ? "none of 50 ms or more" : `the longest ${longest.toFixed(0)} ms (${script})`;
  console.log(`${what}: ${frames} frames, ${seen}, the longest pause between two ${gap.toFixed(0)} ms; ${load}`);
  return longest;
}

/** Scrolls a part of the page down and up again, as a wheel does. */
async function wheel(page, part) {
  const box = await page.locator(part).first().boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + Math.min(box.height, 600) / 2);
  for (let at = 0; at < SCROLLS; at += 1) {
    await page.mouse.wheel(0, at < SCROLLS * 0.7 ? 700 : -900);
    await later(NOTCH_MS);
  }
}

/** Parts of pages, named so that looking for one costs the page next to nothing: it is the page that is measured. */
const TABLE = ".main .table-scroll";
const LOG = ".main .log";
const button = (text) => `.main button:text-is("${text}")`;

/** Waits until a part of the page says this, asked ten times a second. */
const says = (page, part, text) =>
  page.waitForFunction(
    ([part, text]) => [...document.querySelectorAll(part)].some((one) => one.textContent.startsWith(text)),
    [part, text],
    { polling: 100 },
  );

/** A server with a certificate of its own that answers what is made up; `send` has a request of the page answered by it. */
async function madeUp() {
  const folder = mkdtempSync(join(tmpdir(), "exchequer-measure-"));
  const [key, cert] = ["key", "cert"].map((name) => join(folder, name));
  const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout ${key} -out ${cert}`;
  execFileSync("openssl", words.split(" "), { stdio: "ignore" });
  const files = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  const answers = new Map();
  const server = createServer(files, (asked, answer) => {
    const { pathname } = new URL(asked.url, "https://localhost");
    const { headers, body } = answers.get(pathname)(asked);
    answer.writeHead(200, headers).end(body);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const send = (page, which, answer) => {
    const name = `/${answers.size}`;
    answers.set(name, answer);
    return page.route(which, (route) => {
      const { search } = new URL(route.request().url());
      return route.continue({ url: `https://127.0.0.1:${server.address().port}${name}${search}` });
    });
  };
  return { send, close: () => server.close() };
}

const json = (text) => ({ headers: { "content-type": "application/json", "exq-age-ms": "0" }, body: text });

async function workers(window) {
  const { page } = window;
  const one = await asOperator("GET", `/v1/workers/${encodeURIComponent(WORKER)}`);
  const STATES = ["running", "running", "running", "running", "degraded", "stopped"];
  const rows = Array.from({ length: WORKERS }, (_, at) => ({
    ...one,
    worker: `deposit/bitcoin-${at + 1}`,
    instance: at + 1,
    state: STATES[at % STATES.length],
  }));
  const answer = json(JSON.stringify({ workers: rows }));
  await window.made.send(page, /\/v1\/workers$/, () => answer);
  await go(page, "/workers");
  await read(page, "Workers");
  await record(window);
  await wheel(page, TABLE);
  await page.locator(button("Worker")).click();
  await page.locator(".main th[aria-sort] button").click();
  await page.locator(".main select").nth(2).selectOption("running");
  await wheel(page, TABLE);
  const list = await told(window, `${WORKERS} workers scrolled, sorted twice, filtered, read anew every two seconds`);
  await record(window);
  await page.locator('nav a[href="/ui/"]').click();
  await read(page, "Overview");
  await later(LOOKED_AT_MS);
  return Math.max(list, await told(window, `Overview of ${WORKERS} workers, opened and looked at`));
}

async function lines(window) {
  const { page } = window;
  const LEVELS = ["info", "info", "info", "debug", "warn", "error"];
  const body = Array.from({ length: LINES }, (_, at) => {
    const line = {
      number: at + 1,
      previous: at,
      dropped: 0,
      time: new Date(1_795_000_000_000 + at * 10).toISOString(),
      level: LEVELS[at % LEVELS.length],
      trace: "",
      text: `block ${at} was scanned: ${(at * 7) % 13} transactions of ours, hash ${(at * 2_654_435_761).toString(16)}`,
    };
    return `event: line\nid: ${line.number}\ndata: ${JSON.stringify(line)}\n\n`;
  }).join("");
  await window.made.send(page, /\/logs\/stream/, (asked) => ({
    headers: { "content-type": "text/event-stream" },
    // The stream is over then, and is asked for again from its last line on.
    body: asked.headers["last-event-id"] === undefined ? body : ": quiet\n\n",
  }));
  await go(page, `/workers/${encodeURIComponent(WORKER)}?tab=status`);
  await read(page, WORKER);
  await record(window);
  await page.locator('.main .tabs a:text-is("Logs")').click();
  await says(page, ".main section .age", `${LINES} of at most`);
  const coming = await told(window, `${LINES} log lines that come at once`);
  await record(window);
  await wheel(page, LOG);
  await page.locator(".main input").first().pressSequentially("hash 9", { delay: 60 });
  await page.locator(".main select").first().selectOption("warn");
  await wheel(page, LOG);
  await page.locator(button("Wrap")).click();
  await wheel(page, LOG);
  const what = "scrolled, filtered by each letter of a text and by level, wrapped";
  return Math.max(coming, await told(window, `${LINES} log lines ${what}`));
}

async function entries(window) {
  const { page } = window;
  const { entries } = await asOperator("GET", "/v1/ledger/entries?limit=200&order=newest");
  let asked = 0;
  await window.made.send(page, /\/v1\/ledger\/entries\?/, ({ url }) => {
    const query = new URL(url, "https://localhost").searchParams;
    const from = Number(query.get("from") ?? ENTRIES);
    const limit = Number(query.get("limit"));
    asked += 1;
    const rows = Array.from({ length: Math.min(limit, from) }, (_, at) => ({
      ...entries[at % entries.length],
      number: from - at,
    }));
    return json(JSON.stringify({ entries: rows, next_from: from > limit ? from - limit : null }));
  });
  await go(page, "/ledger?tab=journal");
  await read(page, "Ledger");
  const first = ".main tbody td.number";
  await says(page, first, String(ENTRIES));
  await record(window);
  for (let at = 1; at <= 25; at += 1) {
    await page.locator(button("Older")).click();
    await says(page, first, String(ENTRIES - at * 200));
    if (at % 5 === 0) await wheel(page, TABLE);
    if (at % 5 === 0) await page.locator(TABLE).evaluate((table) => (table.scrollTop = 0));
  }
  for (const from of [500_000, 777, 999_999]) {
    const field = page.getByLabel("From entry");
    await field.fill(String(from));
    await field.press("Enter");
    await says(page, first, String(from));
  }
  return told(window, `${ENTRIES} entries: ${asked} pages of 200 of them turned and scrolled`);
}

async function browsed(isTraced) {
  const browser = await launch();
  const made = await madeUp();
  const longest = [];
  try {
    const { ada } = await people();
    await asOperator("POST", "/v1/workers", { workers: [WORKER], desired: "running", reason: "a measurement" }).catch(
      () => undefined,
    );
    const { page } = await window(browser);
    await signIn(page, ada);
    for (const part of [workers, lines, entries]) longest.push(await part({ browser, page, isTraced, made }));
  } finally {
    await browser.close();
    made.close();
  }
  assert.ok(Math.max(...longest) <= FRAME_MS_MAX, `it took ${Math.max(...longest).toFixed(0)} ms`);
}

const DASHBOARDS = 50;
const MINUTE_MS = 60_000;
const CORE_MAX = 0.05;

/** The processor time of a node's process so far, in milliseconds. */
function processor(node) {
  const pid = execFileSync("pgrep", ["--full", `server --data-dir ${process.env.EXCHEQUER_DEMO_FOLDER}/${node}$`])
    .toString()
    .trim();
  const parts = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(parts[11]) + Number(parts[12])) * 10;
}

/** What one open page of Overview asks for in a minute: when, and what. */
async function recorded() {
  const browser = await launch();
  const { ada } = await people();
  const { page } = await window(browser);
  await signIn(page, ada);
  await read(page, "Overview");
  const begun = Date.now();
  const asked = [];
  page.on("request", (one) => {
    const { pathname, search } = new URL(one.url());
    if (/^\/(v1|api)\//.test(pathname)) asked.push({ at: Date.now() - begun, path: pathname + search });
  });
  await later(MINUTE_MS);
  await browser.close();
  return { asked: asked.filter(({ path }) => path !== "/v1/events/stream"), token: ada.token };
}

/** One dashboard: the same requests at the same distances, and the stream of events, over connections of its own. */
function dashboard({ asked, token }, shift) {
  const agent = new Agent({ ca: readFileSync(process.env.EXCHEQUER_CACERT), keepAlive: true, maxSockets: 2 });
  const get = (path) =>
    new Promise((resolve, reject) => {
      const one = request(`https://${NODES[0]}${path}`, { agent, headers: { authorization: `Bearer ${token}` } }, (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode));
        answer.on("error", reject);
      });
      one.on("error", reject);
      one.end();
    });
  const stream = request(`https://${NODES[0]}/v1/events/stream`, {
    ca: readFileSync(process.env.EXCHEQUER_CACERT),
    headers: { authorization: `Bearer ${token}` },
  });
  stream.on("response", (answer) => answer.resume());
  stream.on("error", () => undefined);
  stream.end();
  const all = asked.map(async ({ at, path }) => {
    await later((at + shift) % MINUTE_MS);
    return get(path);
  });
  return Promise.all(all).finally(() => stream.destroy());
}

async function dashboards() {
  const { node } = await asOperator("GET", "/v1/status");
  const page = await recorded();
  const times = new Map();
  for (const path of page.asked.map(({ path }) => path.split("?")[0])) times.set(path, (times.get(path) ?? 0) + 1);
  const each = [...times].sort(([, a], [, b]) => b - a).map(([path, count]) => `${path} ${count}`);
  console.log(`one page of Overview asks ${page.asked.length} times a minute: ${each.join(", ")}`);
  const minute = async (during) => {
    const before = processor(node);
    const [, answers] = await Promise.all([later(MINUTE_MS), during()]);
    return { took: processor(node) - before, answers };
  };
  const nothing = () => Promise.resolve();
  const before = await minute(nothing);
  const { took, answers } = await minute(() =>
    Promise.all(Array.from({ length: DASHBOARDS }, (_, at) => dashboard(page, Math.floor((at * MINUTE_MS) / DASHBOARDS)))),
  );
  const after = await minute(nothing);
  // What a node at work takes changes by itself: the minutes on both sides are what it is compared with.
  const without = (before.took + after.took) / 2;
  const wrong = answers.flat().filter((status) => status !== 200).length;
  const core = (took - without) / MINUTE_MS;
  console.log(
    `${DASHBOARDS} dashboards at ${node}: ${answers.flat().length} answers, ${wrong} of them refusals; the node took ${took} ms of a processor in a minute, ${before.took} and ${after.took} ms in those before and after: ${(core * 100).toFixed(1)} % of a core more`,
  );
  assert.equal(wrong, 0);
  assert.ok(core <= CORE_MAX, `more than ${CORE_MAX * 100} %`);
}

const parts = { frames: () => browsed(false), tasks: () => browsed(true), dashboards };
const named = process.argv.slice(2);
// One that is missed is told, and the others are measured all the same.
for (const name of named.length === 0 ? Object.keys(parts) : named) {
  try {
    await parts[name]();
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    process.exitCode = 1;
  }
}

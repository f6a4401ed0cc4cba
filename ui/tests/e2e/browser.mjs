// A browser as the tests use it: signed in through the page, and with everything on record that a page must not do.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { NODES } from "./cluster.mjs";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
export const PATIENCE_MS = Number(process.env.PATIENCE_MS ?? 60_000);

/** A folder with the console's files, in the place of those of the binary: what is tried need not be built into one first. */
const CONSOLE = process.env.EXCHEQUER_CONSOLE;
const PAGES = /\/ui(\/.*)?$/;

/** Answers what is asked below `/ui/` from that folder. The headers of the page, its policy among them, are the node's. */
async function fromFolder(route) {
  const name = new URL(route.request().url()).pathname.replace(/^\/ui\/?/, "");
  if (name.startsWith("assets/") || name === "favicon.svg") {
    const path = join(CONSOLE, name);
    return existsSync(path) ? route.fulfill({ path }) : route.fulfill({ status: 404 });
  }
  const page = await route.fetch({ maxRedirects: 0 }).catch(() => null);
  if (page === null) return route.abort();
  const headers = page.headers();
  const nonce = /'nonce-([^']+)'/.exec(headers["content-security-policy"] ?? "")?.[1] ?? "";
  for (const gone of ["content-length", "content-encoding"]) delete headers[gone];
  const text = readFileSync(join(CONSOLE, "index.html"), "utf8");
  return route.fulfill({ status: page.status(), headers, body: text.replace('nonce=""', `nonce="${nonce}"`) });
}

/** Starts Debian's Chromium. */
export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });
}

/**
 * A window of its own, as of another machine. `faults` has every error on the browser's console, every exception of a page and
 * everything that the content security policy refused; requests that failed because a node was killed are none.
 */
export async function window(browser, { theme = "dark" } = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1360, height: 860 },
    colorScheme: theme,
    reducedMotion: "reduce",
  });
  if (CONSOLE !== undefined) await context.route(({ pathname }) => PAGES.test(pathname), fromFolder);
  const faults = [];
  await context.exposeBinding("__refusedByPolicy", (_, what) => faults.push(`policy: ${what}`));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      globalThis.__refusedByPolicy(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`);
    });
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning")
      faults.push(`console: ${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => faults.push(`exception: ${String(error)}`));
  return { context, page, faults };
}

export const url = (path, at = NODES[0]) => `https://${at}/ui${path}`;

/** Goes to a place. What is waited for is what must be there: the browser's own idea of a page that is loaded is another one. */
export const go = (page, path, at = NODES[0]) => page.goto(url(path, at), { waitUntil: "commit" });

/** Signs somebody in through the page of a node. */
export async function signIn(page, who, at = NODES[0]) {
  await go(page, "/", at);
  await page.getByLabel("Name").fill(who.name);
  await page.getByLabel("Password").fill(who.password);
  await page.getByLabel("Code").fill(await who.code());
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
}

/** Shows the second factor where the page asks for it; nothing where it does not. */
export async function stepUp(page, who) {
  const dialog = page.getByRole("dialog", { name: "Show your second factor" });
  await dialog.waitFor({ timeout: 3_000 }).catch(() => null);
  if (!(await dialog.isVisible())) return;
  await dialog.getByLabel("Code").fill(await who.code());
  await dialog.getByRole("button", { name: "Go on" }).click();
  await dialog.waitFor({ state: "detached" });
}

// Pictures of the main pages of a running cluster: node tests/e2e/shots.mjs FOLDER (ops/console --shots FOLDER starts the cluster).
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { go, launch, signIn, window } from "./browser.mjs";
import { asOperator, people } from "./cluster.mjs";
import { read } from "./places.mjs";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("say where the pictures go");
const BYTES_MAX = 150_000;
/** From the best on, until a picture is small enough. */
const QUALITIES = [85, 75, 60, 45];
/** What a page's line of samples, its tables and its fonts need to look as they do after a while, in milliseconds. */
const SETTLED_MS = 7_000;

const browser = await launch();
const { ada } = await people();
const completed = (await asOperator("GET", "/v1/withdrawals?state=completed&limit=1")).withdrawals[0]?.withdrawal ?? 1;
const PICTURES = [
  ["overview", "/", "Overview", "dark"],
  ["workers", "/workers", "Workers", "dark"],
  ["withdrawal", `/withdrawals/${completed}`, `Withdrawal ${completed}`, "light"],
  ["market", "/markets/BTCUSDT", "BTCUSDT", "dark"],
  ["reconciliation", "/reconciliation?network=ethereum", "Reconciliation", "light"],
  ["cluster", "/cluster", "Cluster", "dark"],
];

await mkdir(folder, { recursive: true });
for (const theme of ["dark", "light"]) {
  const { page, context } = await window(browser, { theme });
  const devtools = await context.newCDPSession(page);
  await signIn(page, ada);
  for (const [name, path, title] of PICTURES.filter(([, , , of]) => of === theme)) {
    await go(page, path);
    await read(page, title);
    await new Promise((after) => setTimeout(after, SETTLED_MS));
    for (const quality of QUALITIES) {
      const { data } = await devtools.send("Page.captureScreenshot", { format: "webp", quality });
      const bytes = Buffer.from(data, "base64");
      if (bytes.length > BYTES_MAX && quality !== QUALITIES.at(-1)) continue;
      if (bytes.length > BYTES_MAX) throw new Error(`the picture of ${path} has ${bytes.length} bytes`);
      await writeFile(join(folder, `${name}.webp`), bytes);
      console.log(`${name}.webp: ${bytes.length} bytes`);
      break;
    }
  }
  await context.close();
}
await browser.close();

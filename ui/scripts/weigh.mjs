// Weighs what was built (dist): what a browser loads for the first page, and for each further one beyond that, gzipped. Fails where
// that is more than a console may weigh. Run by `npm run build`.
import { readFileSync } from "node:fs";

/** Bytes of JavaScript, gzipped, until Overview is there. */
const FIRST_BYTES_MAX = 200_000;
/** The same for what any further page adds. */
const FURTHER_BYTES_MAX = 60_000;

const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
const bytes = (file) => readFileSync(new URL(`${file}.gz`, dist)).length;

/** The files of a part and of all that it loads with it. */
function files(name, found = new Set()) {
  const { file, imports = [] } = manifest[name];
  if (found.has(file)) return found;
  found.add(file);
  for (const one of imports) files(one, found);
  return found;
}

const sum = (all) => [...all].reduce((total, file) => total + bytes(file), 0);
const frame = files("index.html");
const first = files("src/pages/overview.tsx", new Set(frame));
const pages = Object.entries(manifest)
  .filter(([name, { isDynamicEntry }]) => isDynamicEntry === true && name.startsWith("src/pages/"))
  .map(([name]) => ({ name, weight: sum(files(name, new Set(first))) - sum(first) }))
  .sort((a, b) => b.weight - a.weight);
if (pages.length < 20) throw new Error(`only ${pages.length} pages were found in dist/.vite/manifest.json`);

const kb = (weight) => `${(weight / 1_000).toFixed(1)} kB`;
console.log(`first load ${kb(sum(first))} of at most ${kb(FIRST_BYTES_MAX)}, of which Overview ${kb(sum(first) - sum(frame))}`);
for (const { name, weight } of pages.slice(0, 3)) console.log(`${name} ${kb(weight)} of at most ${kb(FURTHER_BYTES_MAX)}`);
const heavy = pages
  .filter(({ weight }) => weight > FURTHER_BYTES_MAX)
  .map(({ name, weight }) => `${name} weighs ${kb(weight)}`);
if (sum(first) > FIRST_BYTES_MAX) heavy.push(`the first load weighs ${kb(sum(first))}`);
if (heavy.length > 0) {
  console.error(`too heavy: ${heavy.join("; ")}`);
  process.exitCode = 1;
}

// Whose work goes to a browser, and under which terms: the packages of `dependencies` and all that they depend on, with the texts of their
// licences as they lie in node_modules, as the module `virtual:notices` (src/notices-module.d.ts has its shape). What is bundled is held to
// that list, so that no build ships the work of somebody who is not named.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ID = "virtual:notices";
const FILES = /^(licen[cs]e|copying|notice|copyright)/i;
/** Parts of what builds the console that end up in what it builds. */
const BUILDERS = ["vite", "rolldown"];
/** From here on a builder's text is about what the builder itself is made of, which is not shipped. */
const BUILT_OF = /\n#+ Licenses of bundled dependencies[^]*/;

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR
ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH
THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

function textOf(folder, { name, license, author }) {
  const files = readdirSync(folder).filter((file) => FILES.test(file));
  const texts = files.map((file) => readFileSync(join(folder, file), "utf8").replace(BUILT_OF, "").trim());
  if (texts.length > 0) return texts.join("\n\n");
  // Some packages name their licence and forget its text, which is known for this one alone.
  const by = author?.name ?? author;
  if (license !== "MIT" || by === undefined) throw new Error(`${name} carries no text of its licence`);
  return `MIT License\n\nCopyright (c) ${by}\n\n${MIT}`;
}

/** The notices of what is installed below `root`: packages by name, and their texts, each once. */
function noticesOf(root) {
  const found = new Map();
  const visit = (name) => {
    const folder = join(root, "node_modules", name);
    // What is optional and not there is not shipped either; what is shipped and not listed stops the build.
    if (found.has(name) || !existsSync(folder)) return;
    const manifest = manifestOf(folder);
    found.set(name, { manifest, text: textOf(folder, manifest) });
    if (!BUILDERS.includes(name)) for (const further of Object.keys(manifest.dependencies ?? {})) visit(further);
  };
  for (const name of [...Object.keys(manifestOf(root).dependencies), ...BUILDERS]) visit(name);
  const texts = [...new Set([...found.values()].map(({ text }) => text))];
  const packages = [...found].map(([name, { manifest, text }]) => ({
    name,
    version: manifest.version,
    licence: manifest.license,
    text: texts.indexOf(text),
  }));
  return { packages: packages.sort((a, b) => (a.name < b.name ? -1 : 1)), texts };
}

/** The package that a module belongs to; nothing where it is none's. */
const packageOf = (module) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1];

/** The part of the build that writes them. */
export function notices(root) {
  return {
    name: "notices",
    resolveId: (id) => (id === ID ? `\0${ID}` : undefined),
    load: (id) => (id === `\0${ID}` ? `export default ${JSON.stringify(noticesOf(root))};` : undefined),
    generateBundle() {
      const named = new Set(noticesOf(root).packages.map(({ name }) => name));
      const shipped = [...this.getModuleIds()].map(packageOf).filter((name) => name !== undefined);
      const unnamed = [...new Set(shipped)].filter((name) => !named.has(name));
      if (unnamed.length > 0) this.error(`shipped and not among the notices: ${unnamed.join(", ")}`);
    },
  };
}

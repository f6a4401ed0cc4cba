// What each code of what went wrong means (docs/errors), for the page that explains them: one module, and not one for each text.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ID = "virtual:codes";

/** The texts below a folder, by their codes. */
function textsOf(folder) {
  const names = readdirSync(folder).filter((name) => /^EXQ-\d{4}\.md$/.test(name));
  return Object.fromEntries(
    names.sort().map((name) => [name.slice(0, -".md".length), readFileSync(join(folder, name), "utf8")]),
  );
}

/** The part of the build that reads them. */
export function codes(root) {
  return {
    name: "codes",
    resolveId: (id) => (id === ID ? `\0${ID}` : undefined),
    load: (id) => (id === `\0${ID}` ? `export default ${JSON.stringify(textsOf(join(root, "../docs/errors")))};` : undefined),
  };
}

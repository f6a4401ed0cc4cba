import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { codes } from "./scripts/codes.mjs";
import { notices } from "./scripts/notices.mjs";

/** The node that `npm run dev` talks to: the one whose API is at EXCHEQUER_NODE, the demo's first one otherwise. */
const node = process.env.EXCHEQUER_NODE ?? "https://127.0.0.1:8640";

/**
 * What is compressed while it is built is never compressed while it is served. It is read from where it was written: what other
 * plugins still change in the bundle (Vite puts the lists of what is loaded beforehand there) would be missing otherwise.
 */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    async writeBundle({ dir = "dist" }, bundle) {
      const names = Object.keys(bundle).filter((name) => /\.(js|css|svg)$/.test(name));
      for (const name of names) {
        const bytes = await readFile(join(dir, name));
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        await writeFile(join(dir, `${name}.br`), brotliCompressSync(bytes, quality));
        await writeFile(join(dir, `${name}.gz`), gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };

export default defineConfig({
  base: "/ui/",
  plugins: [react(), notices(import.meta.dirname), codes(import.meta.dirname), compressed()],
  define: { __VERSION__: JSON.stringify(version) },
  // Fonts inlined as data: addresses would be refused by the content security policy.
  build: {
    outDir: "dist",
    sourcemap: false,
    assetsInlineLimit: 0,
    // What it may weigh is for scripts/weigh.mjs to say.
    chunkSizeWarningLimit: 1_000,
    manifest: true,
    // What several pages need comes with the first load, where there is room for it, and not with whichever page is opened next.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "shared", test: /\/src\//, minShareCount: 3 }] } } },
  },
  server: {
    // Tests read the description of the API, which is not the console's own.
    fs: { allow: [".", "../docs"] },
    proxy: {
      // A node takes changes from its own page alone, so the page's origin is told as the node's.
      "/v1": { target: node, secure: false, changeOrigin: true, headers: { origin: node } },
      "/api": { target: node, secure: false, changeOrigin: true },
      "/leader": { target: node, secure: false, changeOrigin: true },
    },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/testing/setup.ts"],
    restoreMocks: true,
    testTimeout: 30_000,
  },
});

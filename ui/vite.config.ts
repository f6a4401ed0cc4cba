import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** The node that `npm run dev` talks to: the one whose API is at EXCHEQUER_NODE, the demo's first one otherwise. */
const node = process.env.EXCHEQUER_NODE ?? "https://127.0.0.1:8640";

/** What is compressed while it is built is never compressed while it is served. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      for (const [fileName, file] of Object.entries(bundle)) {
        if (!/\.(js|css|svg)$/.test(fileName)) continue;
        const bytes = Buffer.from(file.type === "chunk" ? file.code : file.source);
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        this.emitFile({ type: "asset", fileName: `${fileName}.br`, source: brotliCompressSync(bytes, quality) });
        this.emitFile({ type: "asset", fileName: `${fileName}.gz`, source: gzipSync(bytes, { level: 9 }) });
      }
    },
  };
}

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };

export default defineConfig({
  base: "/ui/",
  plugins: [react(), compressed()],
  define: { __VERSION__: JSON.stringify(version) },
  // Fonts inlined as data: addresses would be refused by the content security policy.
  build: { outDir: "dist", sourcemap: false, assetsInlineLimit: 0, chunkSizeWarningLimit: 300, manifest: true },
  server: {
    proxy: {
      // A node takes changes from its own page alone, so the page's origin is told as the node's.
      "/v1": { target: node, secure: false, changeOrigin: true, headers: { origin: node } },
      "/api": { target: node, secure: false, changeOrigin: true },
      "/leader": { target: node, secure: false, changeOrigin: true },
    },
  },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"], restoreMocks: true },
});

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

/** Packages that only the worker holds; what Vite writes of licences knows the page alone. */
const IN_WORKER = ["@dagrejs/dagre", "@dagrejs/graphlib"];

/** What the build was made of, so that a test can tell a build that is older than its source. */
function stamp(): Plugin {
  return {
    name: "stamp",
    generateBundle() {
      const files = readdirSync("src", { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).replaceAll("\\", "/"));
      const hash = createHash("sha256");
      for (const name of [...files, "index.html", "package-lock.json", "public/icon.svg", "vite.config.ts"].sort()) {
        hash.update(name).update("\0").update(readFileSync(name)).update("\0");
      }
      const told = IN_WORKER.map((name) => `## ${name}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8")}`);
      this.emitFile({ type: "asset", fileName: "licenses-worker.md", source: told.join("\n") });
      this.emitFile({ type: "asset", fileName: "source.sha256", source: `${hash.digest("hex")}\n` });
    },
  };
}

// Names without hashes: a change of the page then shows as a change of the same committed files.
// `base` is relative so that the page also works below a path of a proxy.
export default defineConfig({
  base: "./",
  plugins: [stamp()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: {
    format: "es",
    rollupOptions: { output: { entryFileNames: "assets/[name].js", chunkFileNames: "assets/[name].js" } },
  },
  build: {
    outDir: "../src/server/page",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    license: { fileName: "licenses.md" },
    rollupOptions: {
      output: {
        entryFileNames: "assets/[name].js",
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
  server: { proxy: { "/ws": { target: "ws://127.0.0.1:8000", ws: true } } },
});

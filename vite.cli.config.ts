import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

/** Packages of many files that nearly every command needs. The others stay where npm has put them. */
const bundledPackages = ["zod", "entities", "tinyglobby", "fdir", "picomatch"];

// The command line in few files: Node takes longer to find and open the 860 of `codyra classify` than to run
// them. A command loads the part that it uses.
export default defineConfig({
  publicDir: false,
  logLevel: "error", // comments within zod are no news
  ssr: { noExternal: bundledPackages },
  plugins: [licenses()],
  build: {
    ssr: "lib/cli/start.ts",
    outDir: "dist/bin",
    target: "node20",
    minify: false,
    rollupOptions: {
      treeshake: {
        moduleSideEffects: (id) => /\/lib\/cli\/(start|main)\.ts$/.test(id), // no other module does work when imported
        manualPureFunctions: ["z"], // a schema that nobody uses is nothing
      },
      output: {
        entryFileNames: "codyra.js",
        chunkFileNames: "[name]-[hash].js",
        hoistTransitiveImports: false,
      },
    },
  },
});

/** Puts the licenses of packages into each file that has some of their code. */
function licenses(): Plugin {
  return {
    name: "licenses",
    renderChunk(code, { isEntry, moduleIds }) {
      const isIn = (name: string): boolean => moduleIds.some((id) => id.includes(`/node_modules/${name}/`));
      const texts = bundledPackages
        .filter(isIn)
        .map((name) => `/*! Parts of ${name}:\n\n${licenseOf(name)}*/\n`);
      return { code: isEntry ? code : texts.join("") + code, map: null };
    },
  };
}

function licenseOf(name: string): string {
  return readFileSync(join(import.meta.dirname, "node_modules", name, "LICENSE"), "utf8");
}

import { defineConfig } from "vite";

// The part of the report page that runs in the reader's browser, as one script and one style sheet to put into the page.
export default defineConfig({
  publicDir: false,
  logLevel: "warn",
  build: {
    lib: {
      entry: "lib/report/page/client/main.ts",
      formats: ["iife"],
      name: "codyraReport",
      fileName: () => "client.js",
      cssFileName: "client",
    },
    outDir: "dist/report/page",
    emptyOutDir: false,
    target: "es2023",
  },
});

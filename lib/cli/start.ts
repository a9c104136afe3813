#!/usr/bin/env node
import { preloadAddon } from "../torch/preload.js";

/** Commands of which every use runs a model. */
const running = ["classify", "embed", "search"];

const [name = "", ...words] = process.argv.slice(2);
const asksForHelp = words.length === 0 || words.includes("--help") || words.includes("-h");
// Opening libtorch takes longer than loading all of JavaScript, so another thread begins with it at once.
if (running.includes(name) && !asksForHelp) preloadAddon();
await import("./main.js");

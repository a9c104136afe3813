// Writes docs/options.md from the schemas of the compiled package: `npm run generate:options`.
import { writeFileSync } from "node:fs";
import { methods, options } from "../dist/index.js";
import { optionsPage } from "./generate/options-page.mjs";

const described = methods.methods.map((method) => ({ ...method, options: methods.optionRows(method) }));
const path = new URL("../docs/options.md", import.meta.url);
writeFileSync(path, optionsPage(options.settingRows(), described));

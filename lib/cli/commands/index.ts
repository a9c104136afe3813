import type { Command } from "commander";
import { analyzeCommand } from "./analyze.js";
import { checkCommand } from "./check.js";
import { classifyCommand } from "./classify.js";
import { dataCommand } from "./data.js";
import { demoCommand } from "./demo.js";
import { doctorCommand } from "./doctor.js";
import { downloadCommand } from "./download.js";
import { embedCommand } from "./embed.js";
import { exportCommand } from "./export.js";
import { figuresCommand } from "./figures.js";
import { learnCommand } from "./learn.js";
import { methodsCommand } from "./methods.js";
import { metricsCommand } from "./metrics.js";
import { pretrainCommand } from "./pretrain.js";
import { reportCommand } from "./report.js";
import { runCommand } from "./run.js";
import { searchCommand } from "./search.js";
import { tablesCommand } from "./tables.js";

/**
 * Every command, in the order of `codyra --help`. The layers that need the addon are loaded when a command
 * runs.
 */
export function commands(): Command[] {
  return [
    demoCommand(),
    runCommand(),
    learnCommand(),
    methodsCommand(),
    classifyCommand(),
    embedCommand(),
    searchCommand(),
    metricsCommand(),
    reportCommand(),
    tablesCommand(),
    figuresCommand(),
    analyzeCommand(),
    exportCommand(),
    checkCommand(),
    downloadCommand(),
    dataCommand(),
    pretrainCommand(),
    doctorCommand(),
  ];
}

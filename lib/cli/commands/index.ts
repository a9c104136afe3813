import type { Command } from "commander";

/**
 * Every command by its name, in the order of `codyra --help`. Its file is loaded when it is named, and the
 * layers that need the addon when it runs.
 */
const loaders: Readonly<Record<string, () => Promise<Command>>> = {
  demo: async () => (await import("./demo.js")).demoCommand(),
  run: async () => (await import("./run.js")).runCommand(),
  launch: async () => (await import("./launch.js")).launchCommand(),
  learn: async () => (await import("./learn.js")).learnCommand(),
  methods: async () => (await import("./methods.js")).methodsCommand(),
  classify: async () => (await import("./classify.js")).classifyCommand(),
  embed: async () => (await import("./embed.js")).embedCommand(),
  search: async () => (await import("./search.js")).searchCommand(),
  metrics: async () => (await import("./metrics.js")).metricsCommand(),
  report: async () => (await import("./report.js")).reportCommand(),
  tables: async () => (await import("./tables.js")).tablesCommand(),
  figures: async () => (await import("./figures.js")).figuresCommand(),
  analyze: async () => (await import("./analyze.js")).analyzeCommand(),
  export: async () => (await import("./export.js")).exportCommand(),
  check: async () => (await import("./check.js")).checkCommand(),
  download: async () => (await import("./download.js")).downloadCommand(),
  data: async () => (await import("./data.js")).dataCommand(),
  pretrain: async () => (await import("./pretrain.js")).pretrainCommand(),
  doctor: async () => (await import("./doctor.js")).doctorCommand(),
};

export function commands(): Promise<Command[]> {
  return Promise.all(Object.values(loaders).map((load) => load()));
}

/** The command that is named, or all where none is: for help, and for advice on unknown names. */
export async function commandsNamed(name: string | undefined): Promise<Command[]> {
  const load = name !== undefined && Object.hasOwn(loaders, name) ? loaders[name] : undefined;
  return load === undefined ? commands() : [await load()];
}

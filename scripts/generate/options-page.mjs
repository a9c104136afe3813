// docs/options.md: what the schemas of settings and methods say, as tables.

/**
 * @param settings the run's settings: `{ name, type, default, meaning, flag }` each, all text
 * @param methods `{ name, summary, options }` each, options as `{ name, type, default, meaning, source }`
 */
export function optionsPage(settings, methods) {
  return [
    "# Options",
    "",
    "<!-- Made by `npm run generate:options` from the schemas in lib/; changes go there. -->",
    "",
    "`codyra methods NAME` and `codyra run --help NAME` print the same for one method. A value after `-o` is read as in YAML: `-o rank=8`,",
    "`-o targets=[q,v]` or `-o targets=q,v`, `-o replayClasses=null`, `-o ddas.unit=image`.",
    "",
    "## Settings of a run",
    "",
    "At the top of a configuration, or as flags of `codyra run`, which go over the file.",
    "",
    ...table(["setting", "flag", "type", "default", "meaning"], settings.map(settingRow)),
    "",
    "## Methods",
    "",
    "Under `options`, or after `-o`. The source is where an option and its default come from: the method's paper, its authors' released",
    "code where the paper is silent, or codyra itself.",
    ...methods.flatMap(methodSection),
    "",
  ].join("\n");
}

function settingRow({ name, flag, type, default: standard, meaning }) {
  return [code(name), flag ? code(flag) : "", ...[type, standard, meaning].map(escaped)];
}

function methodSection({ name, summary, options }) {
  const rows = options.map((option) => [
    code(option.name),
    ...[option.type, option.default, option.meaning, option.source].map(escaped),
  ]);
  const body =
    rows.length === 0
      ? ["It has no options."]
      : table(["option", "type", "default", "meaning", "source"], rows);
  return ["", `### ${name}`, "", `${capital(summary)}.`, "", ...body];
}

function table(head, rows) {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}

function escaped(text) {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

function code(text) {
  return `\`${text}\``;
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

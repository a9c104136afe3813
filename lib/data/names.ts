/** @throws if two classes have the same name; case does not count, because CLIP's tokenizer lowers it */
export function checkClassNames(dataset: string, classes: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of classes) {
    const key = name.toLowerCase();
    const earlier = seen.get(key);
    if (earlier !== undefined) {
      throw new Error(
        `Dataset ${dataset}: expected a different name for each class, got "${earlier}" and "${name}". ` +
          "Rename one: a classifier could not tell them apart.",
      );
    }
    seen.set(key, name);
  }
}

/** @throws if there is no template, or one without the place of the class name */
export function checkTemplates(dataset: string, templates: readonly string[]): void {
  const broken = templates.find((template) => !template.includes("{}"));
  if (templates.length === 0 || broken !== undefined) {
    throw new Error(
      `Templates of ${dataset}: expected prompts such as "a photo of a {}.", got ${broken === undefined ? "none" : `"${broken}"`}. ` +
        "Write {} where the class name goes.",
    );
  }
}

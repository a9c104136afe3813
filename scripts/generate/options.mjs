// The interfaces of the options objects.

import { pascalCase } from "./names.mjs";

/**
 * Names the options interfaces; equal ones of an operator and its in-place form, or of the factories, share a
 * name.
 */
export class OptionsRegistry {
  /** @type {Map<string, { name: string, fields: object[] }>} */
  #byName = new Map();

  get all() {
    return [...this.#byName.values()];
  }

  nameFor(schema, fields) {
    const base = pascalCase(schema.name.replace(/^\w+::/, "").replace(/_$/, ""));
    const candidates = [sharedName(fields), `${base}Options`, `${base}${pascalCase(schema.overload)}Options`];
    for (const name of candidates.filter((candidate) => candidate !== undefined)) {
      const known = this.#byName.get(name);
      if (known === undefined) this.#byName.set(name, { name, fields });
      if (known === undefined || JSON.stringify(known.fields) === JSON.stringify(fields)) return name;
    }
    throw new Error(`no free name for its options, tried ${candidates}. Give OptionsRegistry another rule.`);
  }
}

const sharedNames = new Map([
  ["dtype", "DTypeOptions"],
  ["generator", "GeneratorOptions"],
  ["dtype,layout,device,pinMemory", "FactoryOptions"],
  ["dtype,layout,device,pinMemory,memoryFormat", "LikeOptions"],
  ["generator,dtype,layout,device,pinMemory", "RandomOptions"],
  ["generator,dtype,layout,device,pinMemory,memoryFormat", "RandomLikeOptions"],
]);

function sharedName(fields) {
  if (fields.some((field) => !field.isOptional || field.default !== undefined)) return undefined;
  return sharedNames.get(fields.map((field) => field.name).join());
}

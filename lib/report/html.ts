/** Markup that is safe to insert: made by `html`, or trusted through `raw`. */
export class Html {
  constructor(readonly text: string) {}
}

export type HtmlValue = Html | string | number | undefined | false | HtmlValue[];

/** Tagged template for markup: every interpolated value is escaped unless it is `Html` itself. */
export function html(strings: TemplateStringsArray, ...values: HtmlValue[]): Html {
  return new Html(strings.map((text, i) => text + render(values[i])).join(""));
}

/** Trusts text as markup; only for markup that this package generated. */
export function raw(text: string): Html {
  return new Html(text);
}

function render(value: HtmlValue): string {
  if (value === undefined || value === false) return "";
  if (Array.isArray(value)) return value.map(render).join("");
  if (value instanceof Html) return value.text;
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * Source of an option and its default. It is the method's paper, its released code where the paper is silent,
 * both where a preset chooses between them, or this project.
 */
export type OptionSource = "paper" | "code" | "paper or code" | "codyra";

declare module "zod" {
  interface GlobalMeta {
    /** Default: `codyra`. */
    source?: OptionSource;
  }
}

/** How a source is called in help and in docs/options.md. */
export const sourceNames: Readonly<Record<OptionSource, string>> = {
  paper: "paper",
  code: "released code",
  "paper or code": "paper or released code, by preset",
  codyra: "codyra",
};

/** Metadata of an option that the paper has. */
export const paper = (description: string) => ({ description, source: "paper" }) as const;
/** Metadata of an option that the released code has, and the paper does not tell. */
export const code = (description: string) => ({ description, source: "code" }) as const;
/** Metadata of an option in which paper and released code differ. */
export const paperOrCode = (description: string) => ({ description, source: "paper or code" }) as const;

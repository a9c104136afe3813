import type { Option } from "commander";
import { settingFlag } from "./flags.js";
import { bf16Instructions } from "./processor.js";

/** `--precision`, of commands that run a model. */
export function precisionOption(): Option {
  return settingFlag("precision");
}

/** Tells in one line where bf16 does not pay. */
export function warnIfSlow(
  { precision, device }: { readonly precision?: string; readonly device: string },
  warn: (line: string) => void,
): void {
  if (precision !== "bf16" || device !== "cpu" || bf16Instructions().length > 0) return;
  warn("This processor has no instructions for bf16, which is slower on it than --precision fp32.");
}

import { Option } from "commander";
import { bf16Instructions } from "./processor.js";

/** `--precision`, of commands that run a model. */
export function precisionOption(): Option {
  return new Option(
    "--precision <precision>",
    "of both encoders; weights and losses stay fp32 (default: bf16 on CUDA, else fp32)",
  ).choices(["fp32", "bf16"]);
}

/** Tells in one line where bf16 does not pay. */
export function warnIfSlow(
  { precision, device }: { readonly precision?: string; readonly device: string },
  warn: (line: string) => void,
): void {
  if (precision !== "bf16" || device !== "cpu" || bf16Instructions().length > 0) return;
  warn("This processor has no instructions for bf16, which is slower on it than --precision fp32.");
}

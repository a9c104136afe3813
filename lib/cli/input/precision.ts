import { Option } from "commander";
import { type Device, type Precision, precisionSchema } from "../../options/index.js";
import { settingFlag } from "./flags.js";
import { bf16Instructions } from "./processor.js";

/** `--precision`, of commands that run a model. */
export function precisionOption(): Option {
  return settingFlag("precision");
}

/** The same of `classify`, which can confirm what `bf16` finds. */
export function confirmablePrecisionOption(): Option {
  const { flags, description } = precisionOption();
  const meaning = `${description}; auto: bf16 with --confirm where that is faster, else fp32`;
  return new Option(flags, meaning).choices([...precisionSchema.options, "auto"]);
}

/** With fewer images, laying weights out and confirming the first ones costs more than bf16 saves. */
const worthwhile = 16;

/** The precision for `auto`. First labels are those of float32 in any case. */
export function automaticPrecision(given: {
  readonly device: Device;
  readonly images: number;
  /** Whether the model's answers can be confirmed: not those of a head. */
  readonly canConfirm: boolean;
}): { readonly precision: Precision; readonly confirm: boolean } {
  const isFast = given.device !== "cpu" || bf16Instructions().length > 0;
  const pays = isFast && given.canConfirm && given.images >= worthwhile;
  return pays ? { precision: "bf16", confirm: true } : { precision: "fp32", confirm: false };
}

/** Tells in one line where bf16 does not pay. */
export function warnIfSlow(
  { precision, device }: { readonly precision?: string; readonly device: string },
  warn: (line: string) => void,
): void {
  if (precision !== "bf16" || device !== "cpu" || bf16Instructions().length > 0) return;
  warn("This processor has no instructions for bf16, which is slower on it than --precision fp32.");
}

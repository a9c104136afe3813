import { clipConfigs, createModel } from "../../clip/index.js";
import { type MethodCost, methodCosts } from "../../methods/index.js";
import { UsageError } from "../../options/index.js";
import { printedCostSetting } from "../../report/index.js";

/**
 * Costs of all methods on a CLIP without weights. The default is the setting of the paper's Table 4.
 * @throws UsageError if there is no such architecture
 */
export function countCosts(setting: typeof printedCostSetting = printedCostSetting): MethodCost[] {
  const config = clipConfigs[setting.model as keyof typeof clipConfigs];
  if (config === undefined)
    throw new UsageError(
      `There is no CLIP architecture '${setting.model}': expected one of ${Object.keys(clipConfigs).join(", ")}.`,
    );
  const model = createModel(config, { device: "meta" });
  return methodCosts(model, setting);
}

import { expect, it } from "vitest";
import { ClipModel, clipConfigs } from "../../lib/clip/index.js";
import { inject, type LoraConfig, type LoraTarget } from "../../lib/lora/index.js";

const attention: LoraTarget[] = ["q", "k", "v", "o"];
const mlp: LoraTarget[] = ["fc", "proj"];

// docs/specification.md, section 8.
it.each<[string, Partial<LoraConfig>, factors: number, importance: number]>([
  ["everything, rank 16", {}, 4_423_680, 2_304],
  ["vision", { encoders: "vision" }, 2_654_208, 1_152],
  ["text", { encoders: "text" }, 1_769_472, 1_152],
  ["attention", { targets: attention }, 1_966_080, 1_536],
  ["MLP", { targets: mlp }, 2_457_600, 768],
  ["all but the output projection", { targets: ["q", "k", "v", "fc", "proj"] }, 3_932_160, 1_920],
  ["attention of the vision encoder", { encoders: "vision", targets: attention }, 1_179_648, 768],
  ["MLP of the text encoder", { encoders: "text", targets: mlp }, 983_040, 384],
  ["everything, rank 4", { rank: 4 }, 1_105_920, 576],
  ["everything, rank 8", { rank: 8 }, 2_211_840, 1_152],
  ["everything, rank 32", { rank: 32 }, 8_847_360, 4_608],
  ["everything, rank 64", { rank: 64 }, 17_694_720, 9_216],
  ["everything with fixed weights", { importance: "fixed" }, 4_423_680, 0],
])(
  "adapters of ViT-B/16 on %s have as many parameters as the paper's arithmetic says",
  (_, config, factors, importance) => {
    const model = new ClipModel(clipConfigs["vit-b-16"], undefined, { device: "meta" });
    expect(inject(model, config).numTrainable).toEqual({ factors, importance });
  },
);

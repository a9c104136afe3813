export { checkKeys, checkOptions, type OptionKeys } from "./check-options.js";
export { isDamagedText } from "./damaged-text.js";
export {
  decodeTimeoutSchema,
  defaultDecodeTimeoutSeconds,
  defaultLimitInputPixels,
  limitInputPixelsSchema,
} from "./decode-limits.js";
export { decodeText } from "./decode-text.js";
export { type DescribedOption, describeOptions, formatDefault, group } from "./described.js";
export { type Device, deviceSchema, type Precision, precisionSchema } from "./device.js";
export {
  type BatchSize,
  defaultEvaluationBatchSize,
  evaluationBatchSizeSchema,
} from "./evaluation-batch-size.js";
export { type EvaluationPrecision, evaluationPrecisionSchema } from "./evaluation-precision.js";
export { type MethodSettings, methodsInProtocol } from "./methods-in-protocol.js";
export { nearestName } from "./nearest-name.js";
export { withCurrentNames, withRenamed } from "./old-names.js";
export { firstLines, printable } from "./printable.js";
export { protocolSchema } from "./protocol.js";
export { defaultSaveEverySeconds, saveEverySchema } from "./save-every.js";
export {
  decodeLimitsShape,
  defaultTestFeatures,
  inputShape,
  modelShape,
  readingShape,
  type SettingRow,
  settingRows,
  settingsShape,
} from "./settings.js";
export { code, type OptionSource, paper, paperOrCode, sourceNames } from "./source.js";
export { fromSpreadsheetText, spreadsheetText } from "./spreadsheet-text.js";
export { readTextFile, readTextLines } from "./text-file.js";
export { type Hint, parseOptions } from "./unknown-key.js";
export { UsageError } from "./usage-error.js";
export { type Given, isGroup, mergeOptions, withAssignment } from "./value.js";
export { yaml } from "./yaml.js";

import { expect, it } from "vitest";
import { repairText } from "../../lib/clip/text-repair.js";

// Expected texts are from Python: `ftfy.fix_text` of ftfy 6.3, `html.unescape` twice, and white space.
it.each([
  ["a photo of a bird’s nest.", "a photo of a bird's nest."],
  ["“Lion’s” tail", '"Lion\'s" tail'],
  ["salt &amp; pepper", "salt & pepper"],
  ["&amp;amp;amp; twice", "& twice"],
  ["P&EACUTE;REZ &copy 2", "PÉREZ © 2"],
  ["if a<b &amp;amp; c", "if a<b & c"],
  ["ﬁre ŉ ǅ", "fire 'n Dž"],
  ["â€œquotedâ€\u009d", '"quoted"'],
  ["cafÃ© ðŸ™‚ â€“", "café 🙂 –"],
  ["ＦＵＬＬ　ｶﾀ", "FULL カタ"],
  ["a\r\nb\u2028c\u0085d", "a b c…d"],
  ["\x1b[36;44mblue\x1b[0m \x07bell\ufeff", "blue bell"],
  ["re\u0301sume\u0301", "résumé"],
  ["  double  spaces\t tab ", "double spaces tab"],
  ["CAFÉ” is fine, naïve Ångström", 'CAFÉ" is fine, naïve Ångström'],
  ["", ""],
])("repairs %j", (text, repaired) => {
  expect(repairText(text)).toBe(repaired);
});

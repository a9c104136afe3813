#!/usr/bin/env bash
# One tokenizer.json, two official readers, other ids for Greek capitals.
#
# Expectation: @huggingface/tokenizers (JavaScript) and tokenizers (Rust, through Python) read the same tokenizer.json and give the same
#   ids; the normalizer "Lowercase" is the plainest of all and has no options.
# Behaviour: the JavaScript one lowers the whole string, so that a capital sigma at the end of a word becomes the final form (U+03C2). The
#   Rust one lowers letter by letter, so that it stays U+03C3, wherever it stands. A vocabulary that was trained with the one has no entry
#   for what the other makes: CLIP's and SigLIP's tokenizers lowercase, so a Greek label in capitals gets other ids in Node than in Python.
# Versions: @huggingface/tokenizers 0.2.0, tokenizers 0.23.3.
# Source: Unicode's SpecialCasing.txt has the final sigma as the one condition that depends on context and not on language;
#   String.prototype.toLowerCase applies it, Rust's char::to_lowercase cannot, because it sees one character at a time.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > tokenizer.json <<'JSON'
{
  "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
  "normalizer": { "type": "Lowercase" },
  "pre_tokenizer": { "type": "WhitespaceSplit" },
  "post_processor": null, "decoder": null,
  "model": { "type": "WordLevel", "unk_token": "[UNK]", "vocab": { "[UNK]": 0, "\u03c3\u03b1\u03c3": 1, "\u03c3\u03b1\u03c2": 2 } }
}
JSON
npm init -y > /dev/null
npm install --ignore-scripts --no-audit --no-fund @huggingface/tokenizers@0.2.0 > /dev/null
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check tokenizers==0.23.3
cat > read.mjs <<'JS'
import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";
const tokenizer = new Tokenizer(JSON.parse(readFileSync("tokenizer.json", "utf8")), {});
console.log(tokenizer.encode("\u03a3\u0391\u03a3").ids.join(" "));
JS
cat > read.py <<'PY'
from tokenizers import Tokenizer
print(*Tokenizer.from_file("tokenizer.json").encode("\u03a3\u0391\u03a3").ids)
PY
javascript=$(node read.mjs)
rust=$(venv/bin/python read.py)
echo "versions:   Node $(node --version), @huggingface/tokenizers 0.2.0, tokenizers 0.23.3"
echo "expected:   the same id from both for sigma, alpha, sigma in capitals"
echo "observed:   JavaScript $javascript (ends in U+03C2), Rust $rust (ends in U+03C3)"
[ "$javascript" = 2 ] && [ "$rust" = 1 ] || { echo "changed: expected 2 and 1" >&2; exit 1; }

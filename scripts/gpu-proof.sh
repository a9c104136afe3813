#!/usr/bin/env bash
# `npm run gpu-proof`, also where there is no Node: `bash scripts/gpu-proof.sh` then takes the one that was
# carried along (see --help).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

carried=.gpu-proof
if [[ ! -x $carried/node && -f $carried/packages.tar.xz ]]; then
  tar -xJf "$carried/packages.tar.xz"
fi
if [[ -x $carried/node ]]; then
  PATH="$PWD/$carried:$PATH"
elif ! command -v node > /dev/null; then
  echo "gpu-proof: there is no Node here. Run 'npm run gpu-proof -- --pack' where there is one, and bring $carried along." >&2
  exit 1
fi
exec node scripts/gpu-proof.mjs "$@"

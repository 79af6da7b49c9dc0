#!/usr/bin/env bash
# Makes .venv with the locked dependencies and the package itself in editable form.
# Needs Python 3.11 or newer; on Debian and Ubuntu it installs what the system's Python lacks for virtual environments.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] || continue
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
  echo "bootstrap: Python 3.11 or newer is needed; set PYTHON=/path/to/python3" >&2
  exit 1
}

# Debian's python3 comes without ensurepip, which lies in the package python3-venv.
install_venv_module() {
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "bootstrap: $1 cannot make virtual environments; install its venv module" >&2
    exit 1
  fi
  echo "bootstrap: installing python3-venv"
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq --no-install-recommends "$("$1" -c 'import sys; print(f"python3.{sys.version_info[1]}-venv")')"
}

python=$(find_python)
if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
  install_venv_module "$python"
fi
if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
  rm -rf .venv
  "$python" -m venv .venv
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1
.venv/bin/python -m pip install -q --require-hashes -r requirements/dev.txt
# The build backend is among the locked packages, so nothing is fetched that the lock does not name.
.venv/bin/python -m pip install -q --no-deps --no-build-isolation -e .
touch .venv/.bootstrapped

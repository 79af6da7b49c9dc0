#!/usr/bin/env bash
# Says where the program prometheus lies: PROMETHEUS_BIN, else the one on the PATH. As root on Debian or Ubuntu it installs
# the distribution's package when there is none, without starting its service.
set -euo pipefail

if [ -n "${PROMETHEUS_BIN:-}" ]; then
  command -v "$PROMETHEUS_BIN" || { echo "prometheus: PROMETHEUS_BIN is $PROMETHEUS_BIN, which is no program" >&2; exit 1; }
  exit
fi
command -v prometheus && exit
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "prometheus: not found; install it (Debian, Ubuntu: apt-get install prometheus; macOS: brew install prometheus)," >&2
  echo "prometheus: or unpack a release of https://github.com/prometheus/prometheus and set PROMETHEUS_BIN to it" >&2
  exit 1
fi

# Debian's own way to install a service without starting it: 101 is "forbidden by policy".
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
echo "prometheus: installing the package (its service is not started)" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get -o DPkg::Lock::Timeout=120 update -qq &&
  apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends prometheus; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  rm -f "$log"
  exit 1
fi
rm -f "$log"
command -v prometheus

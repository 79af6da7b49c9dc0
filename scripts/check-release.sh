#!/usr/bin/env bash
# Exits 1 unless a tag vX.Y.Z, the version in pyproject.toml and a section of CHANGELOG.md agree.
set -euo pipefail
cd "$(dirname "$0")/.."

tag=${1:?usage: scripts/check-release.sh vX.Y.Z}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
fail() { echo "check-release: $1" >&2; exit 1; }

[ "$tag" = "v$version" ] || fail "the tag is $tag, and pyproject.toml says $version"
grep -qE "^## \[${version//./\\.}\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md ||
  fail "CHANGELOG.md has no section \"## [$version] - YYYY-MM-DD\""
grep -qx "## \[Unreleased\]" CHANGELOG.md || fail "CHANGELOG.md has no section \"## [Unreleased]\""
echo "check-release: $tag agrees"

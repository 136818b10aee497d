#!/usr/bin/env bash
# Builds build/thumbnails.zip: app.py and its requirements, for the Python that PYTHON names (python3).
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-python3}
build=${BUILD:-build}

rm -rf "$build"
mkdir -p "$build/package"
"$python" -m pip install --quiet --disable-pip-version-check --no-compile --only-binary :all: --target "$build/package" --requirement requirements.txt
cp app.py "$build/package"
"$python" -m zipfile -c "$build/thumbnails.zip" "$build"/package/*
"$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])' > "$build/runtime"
echo "built: $build/thumbnails.zip for $(cat "$build/runtime")"

#!/bin/sh
# Makes .venv what requirements.lock says. Called by every word of the Makefile; with nothing to do it takes milliseconds.
set -eu
cd "$(dirname "$0")"

wanted=$(cat requirements.lock pyproject.toml environment.sh | cksum)
[ -f .venv/ready ] && [ "$(cat .venv/ready)" = "$wanted" ] && exit 0

python=""
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done

echo "Setting up .venv from requirements.lock (about 3 GB with TensorFlow and Jupyter) ..." >&2
rm -f .venv/ready
if command -v uv >/dev/null 2>&1; then
    [ -x .venv/bin/python ] || uv venv --quiet --python "${python:-3.12}" .venv
    uv pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock
    uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
elif [ -n "$python" ]; then
    [ -x .venv/bin/pip ] || "$python" -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
else
    echo "ecgstudy needs Python 3.11, 3.12 or 3.13; none was found. Install one, or name it: make PYTHON=/path/to/python3 ..." >&2
    exit 1
fi
echo "$wanted" > .venv/ready

#!/bin/sh
# Compile both requirement files from pyproject.toml, for every supported Python. Usage: tools/lock.sh path/to/uv
set -eu
uv=$1
compile() { "$uv" pip compile --quiet --universal --python-version 3.11 --no-header "$@" pyproject.toml; }
{
    echo '# Every dependency, pinned; compiled from pyproject.toml by `make lock`. Installs the package itself too.'
    echo '-e .'
    compile
} > requirements.txt.new
{
    echo '# What the tests and checks need besides, pinned; compiled from pyproject.toml by `make lock`.'
    compile --extra dev
} > requirements-dev.txt.new
mv requirements.txt.new requirements.txt
mv requirements-dev.txt.new requirements-dev.txt

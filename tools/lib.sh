# What tools/quickstart and tools/test share: packages, the virtual environment, configuring and building.
# Sourced by bash; the caller sets `set -euo pipefail`. Works from any folder and with blanks in the path.
# shellcheck shell=bash disable=SC2119,SC2120

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
build=$root/build
venv=$build/venv
script=$(basename -- "$0")

say() { printf '%s\n' "$*"; }
step() { printf '== %s\n' "$*"; }
stop() {
    printf '%s: %s\n' "$script" "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# --- packages -----------------------------------------------------------------------------------------------------

has_package() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# a Python with venv and tomllib; the system's own where another one shadows it but lacks them
find_python() {
    local candidate
    for candidate in python3 /usr/bin/python3; do
        if have "$candidate" && "$candidate" -c 'import ensurepip, tomllib, venv' 2>/dev/null; then
            say "$candidate"
            return 0
        fi
    done
    return 1
}

# need_packages [EXTRA...]: installs what is missing of the Debian packages that building and drawing need
need_packages() {
    local missing=() package
    have g++ || missing+=(g++)
    have make || have ninja || missing+=(make)
    have cmake || missing+=(cmake)
    have pkg-config || missing+=(pkg-config)
    find_python >/dev/null || missing+=(python3 python3-venv)
    if have dpkg-query; then
        for package in libnetcdf-dev libtomlplusplus-dev libudunits2-dev libxxhash-dev "$@"; do
            has_package "$package" || missing+=("$package")
        done
    fi
    [ ${#missing[@]} -gt 0 ] || return 0

    if ! have apt-get; then
        stop "this is not a Debian system; please install what these Debian packages hold, then run this again: ${missing[*]}"
    fi
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! have sudo; then
            say "Missing Debian packages: ${missing[*]}"
            say "Neither root nor sudo here. Please let somebody with the right run:"
            say "    apt-get update"
            say "    apt-get install --no-install-recommends ${missing[*]}"
            stop "nothing was installed; run this again when the packages are there"
        fi
        sudo=(sudo)
    fi
    step "installing what is missing, by"
    say "    ${sudo[*]:+${sudo[*]} }apt-get update"
    say "    ${sudo[*]:+${sudo[*]} }apt-get install -y --no-install-recommends ${missing[*]}"
    mkdir -p "$build"
    if ! { "${sudo[@]}" apt-get update &&
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
        >"$build/packages.log" 2>&1 </dev/null; then
        tail -n 15 "$build/packages.log" >&2
        stop "apt-get failed (above; all of it: $build/packages.log)"
    fi
}

# --- the virtual environment of the tools -------------------------------------------------------------------------

# need_venv [EXTRA...]: build/venv with nessmap_tools (used where it stands) and more packages; made once, again when
# tools/pyproject.toml, the packages or the place of the tree change
need_venv() {
    local wanted stamp=$venv/nessmap-requirements
    wanted=$(
        cksum <"$root/tools/pyproject.toml"
        printf '%s\n' "$root" "$@"
    )
    if [ -f "$stamp" ] && "$venv/bin/python" -c '' 2>/dev/null; then
        local known package
        known=$(cat "$stamp")
        # an environment that has more than is asked for will do
        local is_enough=1
        while IFS= read -r package; do
            grep -qxF -- "$package" <<<"$known" || is_enough=0
        done <<<"$wanted"
        [ "$is_enough" = 0 ] || return 0
    fi
    step "Python packages of the tools into ${venv#"$root"/}"
    mkdir -p "$build"
    if ! "$venv/bin/python" -c '' 2>/dev/null; then
        rm -rf -- "$venv"
        "$(find_python)" -m venv "$venv"
    fi
    if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
        -e "$root/tools[plot]" "$@" >"$build/pip.log" 2>&1 </dev/null; then
        tail -n 15 "$build/pip.log" >&2
        stop "pip could not install tools/pyproject.toml and its packages (above)"
    fi
    # by all processors and without the packages' own tests; what is not compiled here works, but starts slowly
    (cd -- "$venv" && bin/python -m compileall -q -j 0 -x '/tests?/' -p "$venv" lib) >>"$build/pip.log" 2>&1 </dev/null || true
    printf '%s\n' "$wanted" >"$stamp"
}

# --- building -----------------------------------------------------------------------------------------------------

n_jobs() { nproc 2>/dev/null || say 2; }

# build_targets [TARGET...]: configures once and builds, the output in build/build.log; nothing: all targets
build_targets() {
    local cached target arguments=()
    mkdir -p "$build"
    # a build folder that was copied with its tree belongs to another place
    if [ -f "$build/CMakeCache.txt" ]; then
        cached=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build/CMakeCache.txt")
        if [ "$cached" != "$root" ]; then
            rm -rf -- "$build/CMakeCache.txt" "$build/CMakeFiles"
        fi
    fi
    for target in "$@"; do
        arguments+=(--target "$target")
    done
    step "building (log: ${build#"$root"/}/build.log)"
    if ! {
        cmake -S "$root" -B "$build" -DNESSMAP_PYTHON="$venv/bin/python" &&
            cmake --build "$build" -j "$(n_jobs)" "${arguments[@]}"
    } >"$build/build.log" 2>&1 </dev/null; then
        grep -nE 'error|Error|undefined reference' "$build/build.log" | head -n 20 >&2 || true
        tail -n 15 "$build/build.log" >&2
        return 1
    fi
    sed -n 's/^-- nessmap: /   /p' "$build/build.log"
}

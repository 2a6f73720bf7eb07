# build.sh: the build folders (sourced). Sources are globbed when Meson configures, so every build configures again.
#   build/       release, as shipped; build/weir
#   build-asan/  AddressSanitizer and UBSan, for the unit tests, golden worlds and the fuzz corpora
#   build-plain/ the golden worlds' program without the paths of special machines
#   build-fuzz/  clang and libFuzzer

jobs=$(nproc)

# npm_ci FOLDER: exactly what the lock file says; nothing when it is in place already.
npm_ci() {
    local stamp="$1/node_modules/.lock-seen"
    cmp -s "$1/package-lock.json" "$stamp" && return 0
    echo "dev: npm ci in $1" >&2
    (cd "$1" && npm ci --no-audit --no-fund --loglevel=error >&2) || return 1
    cp "$1/package-lock.json" "$stamp"
}

# The console's files for a build folder. They go into the binary by .incbin, which ninja does not see: when they
# change, the object that holds them is made again.
build_web() {
    local folder=$1 sum
    npm_ci web || return 1
    mkdir -p "$folder"
    node web/build.mjs "$folder/web" >&2 || return 1
    sum=$(cd "$folder/web" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
    if [ "$sum" != "$(cat "$folder/web.sum" 2>/dev/null)" ]; then
        find "$folder" -name 'src_web_*.o' -delete
        echo "$sum" >"$folder/web.sum"
    fi
}

# configure FOLDER MESON-ARGS...
configure() {
    local folder=$1
    shift
    mkdir -p "$folder"
    if [ -f "$folder/build.ninja" ]; then
        meson setup --reconfigure "$folder" "$@" >"$folder/configure.log" 2>&1
    else
        meson setup "$folder" "$@" >"$folder/configure.log" 2>&1
    fi || { cat "$folder/configure.log" >&2; return 1; }
}

# compile FOLDER NINJA-ARGS...: quiet unless it fails.
compile() {
    local folder=$1
    shift
    ninja -C "$folder" -j "$jobs" "$@" >"$folder/compile.log" 2>&1 || { grep -vE '^\[[0-9]+/[0-9]+\]' "$folder/compile.log" | head -n 200 >&2; return 1; }
}

build_release() {
    need_build || return 1
    build_web build || return 1
    configure build || return 1
    compile build weir || return 1
    echo "build/weir" >&2
}

# The golden worlds' program from the code that every machine runs.
build_plain() {
    configure build-plain -Dplain=true -Dmodules=base,json,seal,registry,crowd,journal,part,meta,intake,query,store || return 1
    compile build-plain test/golden/world || return 1
}

build_tests() {
    build_web build-asan || return 1
    configure build-asan -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 || return 1
    compile build-asan
}

build_fuzz() {
    need_fuzz || return 1
    build_web build-fuzz || return 1
    CC=clang-14 CXX=clang++-14 configure build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false || return 1
    compile build-fuzz "$@"
}

# Every C and C++ file of ours, NUL-separated.
list_c_sources() {
    git ls-files -z -co --exclude-standard -- 'src/*.[ch]' 'src/*.cpp' 'test/*.[ch]' 'fuzz/*.[ch]' 'bench/*.[ch]' 'tool/*.[ch]'
}

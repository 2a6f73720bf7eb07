# debian.sh: what each verb needs from Debian 12 (sourced). Nothing is asked of apt when everything is there.

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# need PACKAGE...: installs those that dpkg does not have.
need() {
    local missing=() p
    for p; do
        dpkg-query -W -f '${db:Status-Abbrev}\n' "$p" 2>/dev/null | grep -q '^ii' || missing+=("$p")
    done
    [ ${#missing[@]} = 0 ] && return 0
    echo "dev: installing ${missing[*]}" >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null
}

need_node() {
    if ! { command -v node && command -v npm; } >/dev/null 2>&1; then
        need nodejs npm ca-certificates
    fi
}

need_build() {
    need gcc g++ meson ninja-build pkg-config libsodium-dev libsimdjson-dev libsqlite3-dev libmicrohttpd-dev \
        libmaxminddb-dev libcurl4-openssl-dev libc-ares-dev zlib1g-dev libpcre2-dev libxxhash-dev libyaml-dev \
        libseccomp-dev libcmocka-dev uap-core tzdata
    need_node
}

# What the tests run besides the compiler: a browser, certificates, a peer to compare with.
need_test() {
    need_build
    need chromium openssl curl ca-certificates util-linux procps prometheus prometheus-alertmanager python3-feedparser libxml2-utils \
        iproute2 dnsmasq-base monitoring-plugins-basic
}

# What loads the server from outside in ./dev bench.
need_bench() {
    need_build
    need wrk
}

need_lint() {
    need_build
    need clang-14 clang-format-14 clang-tidy-14 binutils
}

need_format() {
    need clang-format-14
}

need_fuzz() {
    need_build
    need clang-14 libclang-rt-14-dev llvm-14
}

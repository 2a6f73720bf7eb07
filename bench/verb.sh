# verb.sh: ./dev bench (sourced): the engine against its peers; `health`: the simulator of the status page's judgement; `page`: the
# public page under load; `profile`: where the CPU goes.
bench_verb() {
    need_bench || return 1
    if [ "${1:-}" = health ]; then
        shift
        configure build || return 1
        compile build bench/health || return 1
        exec build/bench/health "$@"
    fi
    if [ "${1:-}" = page ]; then
        build_release || return 1
        exec node bench/page.mjs
    fi
    npm_ci bench && build_release || return 1
    if [ "${1:-}" = profile ]; then
        shift
        need linux-perf || return 1
        exec node bench/profile.mjs "$@"
    fi
    exec node bench/run.mjs "$@"
}

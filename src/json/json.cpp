/* json.cpp: simdjson's On-Demand parser walked once, into a flat array of nodes.
 *
 * simdjson validates UTF-8 and control characters over the whole text before it gives anything;
 * grammar is checked as the walk passes, so the walk visits every value and asks at its end whether
 * bytes are left over. Nodes grow in memory of the parser, since their number is not known before,
 * and go to the arena at the end; strings and number texts go there at once, into one block:
 * together they cannot be longer than the text: a string's quotes pay for its NUL, a number's
 * separator for its own.
 *
 * Strings are unescaped here, for two reasons. On-Demand is compiled for the oldest x86-64, where
 * simdjson copies byte by byte (its first pass is chosen for the machine at run time). And a lone
 * surrogate in an escape ("\ud800"), which browsers send when they cut a string in the middle of an
 * emoji, is refused there; here it reads as U+FFFD, so that one such name does not cost a batch.
 */
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include <simdjson.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

extern "C" {
#include "json/json.h"
}

namespace od = simdjson::ondemand;

static_assert(JSON_SLACK_BYTES >= simdjson::SIMDJSON_PADDING, "simdjson reads past the end");

static constexpr size_t FEWEST_NODES = 1024;
static constexpr size_t KEPT_NODES = 64 * 1024; /* 4 MB stay with a parser between texts */
static constexpr size_t BYTES_PER_NODE =
    4; /* a text of the largest size may have one value in so many bytes */

struct json_parser {
    od::parser simd;
    size_t max_bytes;
    size_t max_nodes;
    struct json *nodes; /* [cap] */
    size_t n, cap;
    char *text; /* where the next string goes: in a block of the arena that holds them all */
    char *copy; /* json_parse_copy's, [copy_cap] */
    size_t copy_cap;

    explicit json_parser(size_t max)
        : simd(max + JSON_SLACK_BYTES), max_bytes(max),
          max_nodes(max / BYTES_PER_NODE + FEWEST_NODES), nodes(nullptr), n(0), cap(0),
          text(nullptr), copy(nullptr), copy_cap(0) {
    }
};

static struct err invalid(const char *what) {
    return ERR(ERR_INVALID, what);
}

static struct err of_simd(simdjson::error_code e) {
    switch (e) {
    case simdjson::MEMALLOC:
        return ERR(ERR_NOMEM, "json: memory");
    case simdjson::CAPACITY:
        return ERR(ERR_LIMIT, "json: the text is too long");
    case simdjson::UTF8_ERROR:
        return invalid("json: not UTF-8");
    case simdjson::NUMBER_ERROR:
        return invalid("json: a number is malformed or out of range");
    case simdjson::DEPTH_ERROR:
        return invalid("json: nested too deeply");
    case simdjson::EMPTY:
        return invalid("json: empty");
    default:
        return invalid("json: not JSON");
    }
}

/* ---- nodes and strings ---- */

static struct err grow(struct json_parser *p) {
    if (p->cap >= p->max_nodes) return ERR(ERR_LIMIT, "json: too many values");
    size_t cap = p->cap == 0 ? FEWEST_NODES : p->cap * 2;
    if (cap > p->max_nodes) cap = p->max_nodes;
    void *nodes = realloc(p->nodes, cap * sizeof *p->nodes);
    if (nodes == nullptr) return ERR(ERR_NOMEM, "json: memory");
    p->nodes = static_cast<struct json *>(nodes);
    p->cap = cap;
    return ERR_NONE;
}

static inline struct err add_node(struct json_parser *p, uint8_t type, struct str key,
                                  size_t *out_at) {
    if (__builtin_expect(p->n == p->cap, 0)) TRY(grow(p));
    struct json *v = &p->nodes[p->n];
    memset(static_cast<void *>(v), 0, sizeof *v);
    v->type = type;
    v->skip = 1;
    v->key = key;
    *out_at = p->n++;
    return ERR_NONE;
}

static inline struct str keep(struct json_parser *p, struct str bytes) {
    char *to = p->text;
    memcpy(to, bytes.p, bytes.n);
    to[bytes.n] = 0;
    p->text += bytes.n + 1;
    return str{to, bytes.n};
}

/* ---- strings ---- */

static bool hex4(const char *s, uint32_t *out) {
    uint8_t b[2];
    if (!str_from_hex(str{s, 4}, b, 2)) return false;
    *out = static_cast<uint32_t>(b[0]) << 8 | b[1];
    return true;
}

static char *put_utf8(char *to, uint32_t c) {
    if (c < 0x80) {
        *to++ = static_cast<char>(c);
    } else if (c < 0x800) {
        *to++ = static_cast<char>(0xC0 | c >> 6);
        *to++ = static_cast<char>(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *to++ = static_cast<char>(0xE0 | c >> 12);
        *to++ = static_cast<char>(0x80 | (c >> 6 & 63));
        *to++ = static_cast<char>(0x80 | (c & 63));
    } else {
        *to++ = static_cast<char>(0xF0 | c >> 18);
        *to++ = static_cast<char>(0x80 | (c >> 12 & 63));
        *to++ = static_cast<char>(0x80 | (c >> 6 & 63));
        *to++ = static_cast<char>(0x80 | (c & 63));
    }
    return to;
}

/* At "\uXXXX": the character, half a pair as U+FFFD; moves s behind it. */
static bool take_unicode(const char **s, uint32_t *out) {
    uint32_t c, low;
    if (!hex4(*s + 2, &c)) return false;
    *s += 6;
    if (c >= 0xD800 && c < 0xDC00 && (*s)[0] == '\\' && (*s)[1] == 'u' && hex4(*s + 2, &low) &&
        low >= 0xDC00 && low < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        *s += 6;
    }
    *out = c >= 0xD800 && c < 0xE000 ? 0xFFFD : c;
    return true;
}

/* Copies up to the next quote or backslash. The text's slack allows reading 16 bytes from any of
 * its bytes, the block's slack writing them. */
static inline size_t copy_plain(const char *s, char *to) {
#ifdef __SSE2__
    const __m128i quotes = _mm_set1_epi8('"'), slashes = _mm_set1_epi8('\\');
    for (size_t n = 0;; n += 16) {
        __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(s + n));
        _mm_storeu_si128(reinterpret_cast<__m128i *>(to + n), bytes);
        __m128i hits = _mm_or_si128(_mm_cmpeq_epi8(bytes, quotes), _mm_cmpeq_epi8(bytes, slashes));
        int mask = _mm_movemask_epi8(hits);
        if (mask != 0) return n + static_cast<size_t>(__builtin_ctz(static_cast<unsigned>(mask)));
    }
#else
    size_t n = 0;
    for (; s[n] != '"' && s[n] != '\\'; n++)
        to[n] = s[n];
    return n;
#endif
}

/* At a backslash: writes what the escape means, moves s behind it. */
static char *take_escape(const char **s, char *to) {
    static const char from[] = "\"\\/bfnrt", to_byte[] = "\"\\/\b\f\n\r\t";
    char letter = (*s)[1];
    uint32_t c;
    if (letter == 'u') return take_unicode(s, &c) ? put_utf8(to, c) : nullptr;
    const char *plain = letter == 0 ? nullptr : strchr(from, letter);
    if (plain == nullptr) return nullptr;
    *to = to_byte[plain - from];
    *s += 2;
    return to + 1;
}

/* s: behind the opening quote; the first pass has found the closing one and no control character.
 * An escape is at least as long as its UTF-8, so the string fits wherever its raw text does. */
static inline struct err unescape(struct json_parser *p, const char *s, struct str *out) {
    char *start = p->text, *to = start;
    for (;;) {
        size_t n = copy_plain(s, to);
        s += n;
        to += n;
        if (*s == '"') break;
        to = take_escape(&s, to);
        if (to == nullptr) return invalid("json: a string has a malformed escape");
    }
    *to++ = 0;
    *out = str{start, static_cast<size_t>(to - start) - 1};
    p->text = to;
    return ERR_NONE;
}

/* ---- the walk ---- */

template <typename V>
static struct err read_string(struct json_parser *p, V &v, struct json *node) {
    od::raw_json_string raw;
    auto e = v.get_raw_json_string().get(raw);
    return e == simdjson::SUCCESS ? unescape(p, raw.raw(), &node->s) : of_simd(e);
}

static inline bool is_number_byte(char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '.' || c == 'e' || c == 'E' || c == '+';
}

/* The token without the white space behind it. */
static struct str number_text(std::string_view token) {
    size_t n = 0;
    while (n < token.size() && is_number_byte(token[n]))
        n++;
    return str{token.data(), n};
}

static inline bool is_integer(struct str s) {
    for (size_t i = s.n > 0 && s.p[0] == '-' ? 1 : 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    return true;
}

template <typename V>
static struct err read_number(struct json_parser *p, V &v, struct json *node) {
    struct str text = number_text(v.raw_json_token());
    node->raw = keep(p, text);
    if (is_integer(text) && str_to_i64(text, &node->i)) {
        int64_t checked; /* simdjson has the say on the grammar: 01, 1x */
        auto e = v.get_int64().get(checked);
        node->type = JSON_INT;
        return e == simdjson::SUCCESS ? ERR_NONE
                                      : invalid("json: a number is malformed or out of range");
    }
    double d = 0;
    auto e = v.get_double().get(d);
    if (e != simdjson::SUCCESS) return invalid("json: a number is malformed or out of range");
    if (is_integer(text)) {
        node->type = JSON_BIGINT;
        node->s = node->raw;
    } else {
        node->type = JSON_NUM;
        node->d = d;
    }
    return ERR_NONE;
}

template <typename V> static struct err read_bool(V &v, struct json *node) {
    bool b = false;
    auto e = v.get_bool().get(b);
    node->type = b ? JSON_TRUE : JSON_FALSE;
    return e == simdjson::SUCCESS ? ERR_NONE : of_simd(e);
}

template <typename V> static struct err read_null(V &v) {
    bool is_null = false; /* 3.0 gives a result, and true only for the whole word */
    auto e = simdjson::simdjson_result<bool>(v.is_null()).get(is_null);
    return e == simdjson::SUCCESS && is_null ? ERR_NONE : of_simd(e);
}

template <typename V>
static struct err walk(struct json_parser *p, V &v, struct str key, int depth);

static struct err walk_array(struct json_parser *p, od::array array, size_t at, int depth) {
    for (auto item : array) {
        od::value v;
        auto e = item.get(v);
        if (e != simdjson::SUCCESS) return of_simd(e);
        TRY(walk(p, v, str{nullptr, 0}, depth));
        p->nodes[at].n++;
    }
    return ERR_NONE;
}

static struct err walk_object(struct json_parser *p, od::object object, size_t at, int depth) {
    for (simdjson::simdjson_result<od::field> member : object) {
        od::field field;
        auto e = std::move(member).get(field);
        if (e != simdjson::SUCCESS) return of_simd(e);
        struct str key;
        TRY(unescape(p, field.key().raw(), &key));
        TRY(walk(p, field.value(), key, depth));
        p->nodes[at].n++;
    }
    return ERR_NONE;
}

template <typename V>
static struct err walk_container(struct json_parser *p, V &v, size_t at, int depth) {
    if (depth >= JSON_MAX_DEPTH) return invalid("json: nested too deeply");
    struct err fault;
    if (p->nodes[at].type == JSON_ARRAY) {
        od::array array;
        auto e = v.get_array().get(array);
        fault = e == simdjson::SUCCESS ? walk_array(p, array, at, depth + 1) : of_simd(e);
    } else {
        od::object object;
        auto e = v.get_object().get(object);
        fault = e == simdjson::SUCCESS ? walk_object(p, object, at, depth + 1) : of_simd(e);
    }
    p->nodes[at].skip = static_cast<uint32_t>(p->n - at);
    return fault;
}

static bool type_of(od::json_type t, uint8_t *out) {
    switch (t) {
    case od::json_type::array:
        *out = JSON_ARRAY;
        return true;
    case od::json_type::object:
        *out = JSON_OBJECT;
        return true;
    case od::json_type::number:
        *out = JSON_NUM;
        return true;
    case od::json_type::string:
        *out = JSON_STR;
        return true;
    case od::json_type::boolean:
        *out = JSON_FALSE;
        return true;
    case od::json_type::null:
        *out = JSON_NULL;
        return true;
    }
    return false;
}

template <typename V>
static struct err walk(struct json_parser *p, V &v, struct str key, int depth) {
    od::json_type t;
    uint8_t type;
    size_t at;
    auto e = v.type().get(t);
    if (e != simdjson::SUCCESS) return of_simd(e);
    if (!type_of(t, &type)) return invalid("json: not JSON");
    TRY(add_node(p, type, key, &at));
    switch (type) {
    case JSON_ARRAY:
    case JSON_OBJECT:
        return walk_container(p, v, at, depth);
    case JSON_STR:
        return read_string(p, v, &p->nodes[at]);
    case JSON_NUM:
        return read_number(p, v, &p->nodes[at]);
    case JSON_FALSE:
        return read_bool(v, &p->nodes[at]);
    default:
        return read_null(v);
    }
}

static inline bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* simdjson 3.0 takes "nulll" for null when it stands alone. */
static bool is_one_word(const struct json *v, struct str text) {
    if (v->type > JSON_TRUE) return true;
    size_t at = 0;
    while (at < text.n && is_space(text.p[at]))
        at++;
    size_t end = text.n;
    while (end > at && is_space(text.p[end - 1]))
        end--;
    struct str word = {text.p + at, end - at};
    return str_is(word, v->type == JSON_NULL ? "null" : v->type == JSON_TRUE ? "true" : "false");
}

static struct err parse(struct json_parser *p, struct str text) {
    od::document doc;
    auto e = p->simd.iterate(text.p, text.n, text.n + JSON_SLACK_BYTES).get(doc);
    if (e != simdjson::SUCCESS) return of_simd(e);
    TRY(walk(p, doc, str{nullptr, 0}, 0));
    if (!is_one_word(&p->nodes[0], text)) return invalid("json: not JSON");
    return doc.current_location().error() == simdjson::OUT_OF_BOUNDS
               ? ERR_NONE
               : invalid("json: bytes follow the value");
}

static struct err move_to_arena(struct json_parser *p, struct arena *a, const struct json **out) {
    void *nodes = arena_array(a, p->n, sizeof *p->nodes);
    if (nodes == nullptr) return ERR(ERR_NOMEM, "json: memory");
    memcpy(nodes, p->nodes, p->n * sizeof *p->nodes);
    *out = static_cast<const struct json *>(nodes);
    return ERR_NONE;
}

static void trim(struct json_parser *p) {
    if (p->cap <= KEPT_NODES) return;
    free(p->nodes);
    p->nodes = nullptr;
    p->cap = 0;
}

extern "C" {

struct json_parser *json_parser_new(size_t max_bytes) {
    if (max_bytes > UINT32_MAX / 2) return nullptr; /* simdjson's limit is 4 GB */
    return new (std::nothrow) json_parser(max_bytes);
}

void json_parser_free(struct json_parser *p) {
    if (p == nullptr) return;
    free(p->nodes);
    free(p->copy);
    delete p;
}

struct err json_parse(struct json_parser *p, struct str text, struct arena *a,
                      const struct json **out) {
    if (text.n > p->max_bytes) return ERR(ERR_LIMIT, "json: the text is too long");
    if (text.n == 0) return invalid("json: empty");
    p->n = 0;
    p->text = static_cast<char *>(arena_alloc(a, text.n + JSON_SLACK_BYTES));
    if (p->text == nullptr) return ERR(ERR_NOMEM, "json: memory");
    struct err e = parse(p, text);
    if (e.code == ERR_OK) e = move_to_arena(p, a, out);
    trim(p);
    return e;
}

struct err json_parse_copy(struct json_parser *p, struct str text, struct arena *a,
                           const struct json **out) {
    if (text.n > p->max_bytes) return ERR(ERR_LIMIT, "json: the text is too long");
    size_t need = text.n + JSON_SLACK_BYTES;
    if (need > p->copy_cap) {
        char *copy = static_cast<char *>(realloc(p->copy, need));
        if (copy == nullptr) return ERR(ERR_NOMEM, "json: memory");
        p->copy = copy;
        p->copy_cap = need;
    }
    if (text.n > 0) memcpy(p->copy, text.p, text.n);
    memset(p->copy + text.n, ' ', JSON_SLACK_BYTES);
    return json_parse(p, str{p->copy, text.n}, a, out);
}

} /* extern "C" */

/* parse_date.c: dates and times of a question, without a zone: the world's zone makes instants of
 * them. */
#include "query/plan.h"

static bool digits(struct str *s, size_t n, int *out) {
    int v = 0;
    if (s->n < n) return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9') return false;
        v = v * 10 + (s->p[i] - '0');
    }
    *s = str_from(*s, n);
    *out = v;
    return true;
}

static bool mark(struct str *s, char c) {
    if (s->n == 0 || s->p[0] != c) return false;
    *s = str_from(*s, 1);
    return true;
}

static int month_days(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool plan_date_read(struct str s, struct plan_date *out) {
    struct civil c = {0};
    if (!digits(&s, 4, &c.year) || !mark(&s, '-') || !digits(&s, 2, &c.month) || !mark(&s, '-') ||
        !digits(&s, 2, &c.day))
        return false;
    if (c.year < 1970 || c.year > 2100 || c.month < 1 || c.month > 12) return false;
    if (c.day < 1 || c.day > month_days(c.year, c.month)) return false;
    bool has_time = s.n > 0;
    if (has_time) {
        if (!mark(&s, 'T') && !mark(&s, ' ')) return false;
        if (!digits(&s, 2, &c.hour) || !mark(&s, ':') || !digits(&s, 2, &c.minute)) return false;
        if (s.n && (!mark(&s, ':') || !digits(&s, 2, &c.second))) return false;
        if (s.n || c.hour > 23 || c.minute > 59 || c.second > 59) return false;
    }
    *out = (struct plan_date){.given = true, .has_time = has_time, .civil = c};
    return true;
}

struct err parse_date(struct parser *p, const struct json *v, void *into) {
    struct plan_date *d = into;
    if (v->type == JSON_NULL) return ERR_NONE;
    if (v->type == JSON_STR && plan_date_read(v->s, d)) return ERR_NONE;
    return parse_fault(p,
                       "must be a day like \"2026-01-31\" or a time like \"2026-01-31T14:30:00\"");
}

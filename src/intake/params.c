/* params.c: the parameters that a request carries beside its records. Clients put them in the query
 * (browser, node, go) or in the form (python, ruby); both are read, the query first. */
#include "intake/decode.h"

struct slot {
    const char *name;
    struct str *to;
};

static struct str *slot_for(struct intake_params *p, struct str name) {
    const struct slot slots[] = {
        {"data", &p->data},     {"verbose", &p->verbose},       {"ip", &p->ip},
        {"img", &p->img},       {"callback", &p->callback},     {"redirect", &p->redirect},
        {"strict", &p->strict}, {"project_id", &p->project_id}, {"api_key", &p->api_key},
        {"token", &p->token},
    };
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        if (str_is(name, slots[i].name)) return slots[i].to;
    }
    return NULL;
}

struct err intake_params_read(struct arena *a, struct str form, struct intake_params *p) {
    for (unsigned n = 0; form.n > 0 && n < 1000; n++) {
        struct str value = str_cut(&form, '&');
        struct str name = str_cut(&value, '=');
        struct str *to = slot_for(p, name);
        if (!to || to->n > 0) continue;
        *to = intake_percent_decode(a, value, true);
        if (!to->p) return ERR(ERR_NOMEM, "intake: parameters");
        p->has_data |= to == &p->data;
    }
    return ERR_NONE;
}

bool intake_param_on(struct str value) {
    return str_is(value, "1") || str_ieq(value, STR("true"));
}

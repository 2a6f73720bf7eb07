/* publish.c: what a member may publish by hand: anything but what is sealed in any case. The rule
 * itself (text.c) asks for shapes and identities first as well, so a mistake here publishes
 * nothing.
 */
#include "intake/intake.h"
#include "intake/names.h"
#include "intake/shapes.h"

/* The last key of a path: behind the last dot that is not escaped. */
static struct str last_key(struct str path) {
    for (size_t i = path.n; i > 1; i--)
        if (path.p[i - 1] == '.' && path.p[i - 2] != '\\') return str_from(path, i);
    return path;
}

bool intake_may_publish(struct str property, struct str text) {
    struct intake_names names;
    if (intake_shape_sealed(text)) return false;
    if (property.n == 0) return true;
    intake_names_init(&names);
    const struct intake_name *own = intake_name_find(&names, last_key(property));
    return !own || !(own->flags & NAME_SEALED);
}

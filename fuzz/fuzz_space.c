/* fuzz_space.c -- what `lorac tune` may choose: a definition, the point a search begins at, and points all
 * over the space, each written as JSON and read back. */
#include "tune/space.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every value is one of the parameter's, or the parameter is off. */
static void use_point(const space *s, point at)
{
    str text = {0};
    point back;
    err e = {0};
    space_settle(s, &at);
    for (int i = 0; i < s->n; i++) {
        const space_param *p = &s->param[i];
        str_clear(&text);
        space_text(s, &at, i, &text);
        BUG_IF(isnan(at.v[i]) != !space_on(s, &at, i));
        if (isnan(at.v[i])) continue;
        if (p->kind == PARAM_CHOICE) BUG_IF(at.v[i] < 0 || at.v[i] >= p->choices);
        else BUG_IF(at.v[i] < p->low || at.v[i] > p->high);
        double place = space_place(p, at.v[i]);
        BUG_IF(!(place >= -1e-9 && place <= 1 + 1e-9));
    }
    str_free(&text);
    json_t *o = space_json(s, &at);
    BUG_IF(space_point(s, o, &back, &e) != OK || !space_same(s, &at, &back));
    json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static space s;
    err e = {0};
    json_t *j = json_parse((const char *)data, size, "fuzz", &e);
    if (!j) return 0;
    if (space_read(&s, j, j, &e) == OK) {
        use_point(&s, space_standard(&s));
        for (int k = 0; k <= 4; k++) {
            point at = {{0}};
            for (int i = 0; i < s.n; i++) at.v[i] = space_value(&s.param[i], k / 4.0);
            use_point(&s, at);
        }
        space_release(&s);
    } else BUG_IF(!e.msg[0]);
    json_decref(j);
    return 0;
}

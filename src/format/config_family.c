/* config_family.c -- what the families' own readers of configurations are written with. */
#include "format/config_check.h"

int64_t config_whole(const model_config *c, const family_source *s, const char *key, const char *leaf,
                     int64_t otherwise)
{
    if (s->json) return key ? json_int(s->json, key, otherwise, s->where, s->e) : otherwise;
    return leaf ? config_gguf_int(c, s, leaf, otherwise) : otherwise;
}

double config_number(const model_config *c, const family_source *s, const char *key, const char *leaf,
                     double otherwise)
{
    if (s->json) return key ? json_num(s->json, key, otherwise, s->where, s->e) : otherwise;
    return leaf ? config_gguf_num(c, s, leaf, otherwise) : otherwise;
}

bool config_flag(const family_source *s, const char *key, bool otherwise)
{
    return s->json ? json_flag(s->json, key, otherwise, s->where, s->e) : otherwise;
}

void config_refuse(const family_source *s, const char *what)
{
    fail(s->e, E_UNSUPPORTED, "%s: %s, which is not supported", s->where, what);
}

/* What config_check() will refuse if it is too much. */
int64_t config_four_times(int64_t n) { return n > 0 && n < INT32_MAX ? 4 * n : 0; }

void config_read_act(model_config *c, const family_source *s, const char *key)
{
    const char *name = s->json ? json_text(s->json, key, c->family->act, s->where, s->e) : c->family->act;
    config_find_act(c, name, s->where, s->e);
}

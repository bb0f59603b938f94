/* config_layers.c -- what differs from layer to layer: windows and rotary positions. */
#include "format/config_check.h"

static bool marked(const uint8_t *bits, int64_t layer) { return bits[layer / 8] >> (layer % 8) & 1; }

void config_mark(uint8_t *bits, int64_t layer) { bits[layer / 8] |= (uint8_t)(1 << (layer % 8)); }

int64_t config_window(const model_config *c, int64_t layer)
{
    return marked(c->windowed, layer) ? c->window : 0;
}

bool config_rotates(const model_config *c, int64_t layer) { return !marked(c->unrotated, layer); }

void config_unrotate(model_config *c)
{
    for (int64_t l = 0; c->family->window_rope && c->window > 0 && l < c->layers && l < CONFIG_MAX_LAYERS; l++)
        if (!config_window(c, l)) config_mark(c->unrotated, l);
}

bool config_has_experts(const model_config *c, int64_t layer)
{
    return c->experts > 0 && !marked(c->dense, layer);
}

static bool sees_window(window_rule rule, int64_t layer, int64_t from, int64_t pattern)
{
    switch (rule) {
    case WINDOW_ALL: return true;
    case WINDOW_LATE: return layer >= from;
    case WINDOW_EVEN: return layer % 2 == 0;
    case WINDOW_PATTERN: return (layer + 1) % pattern != 0;
    case WINDOW_NONE: break;
    }
    return false;
}

void config_windows(model_config *c, int64_t from, int64_t pattern)
{
    if (pattern < 1) pattern = 1;
    for (int64_t l = 0; l < c->layers && l < CONFIG_MAX_LAYERS && c->window > 0; l++)
        if (sees_window(c->family->window, l, from, pattern)) config_mark(c->windowed, l);
}

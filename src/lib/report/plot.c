/* plot.c -- learning curves for a terminal: braille, a character of 2 x 4 dots; held-out losses over
 * tokens. */
#include "lib/report/impl.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 14, LEFT = 9 };

typedef struct canvas {
    int columns; /* of characters */
    uint8_t *dots; /* (ROWS, columns) bits of a braille character */
    range x, y;
} canvas;

static void dot(canvas *c, double x, double y)
{
    static const uint8_t bit[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    int px = (int)lround((x - c->x.low) / (c->x.high - c->x.low) * (2 * c->columns - 1));
    int py = (int)lround((c->y.high - y) / (c->y.high - c->y.low) * (4 * ROWS - 1));
    c->dots[py / 4 * c->columns + px / 2] |= bit[py % 4][px % 2];
}

static double at(const json_t *point, size_t i) { return json_number_value(json_array_get(point, i)); }

static void line(canvas *c, const json_t *a, const json_t *b)
{
    enum { STEPS = 200 };
    for (int k = 0; k <= STEPS; k++) {
        double t = (double)k / STEPS;
        dot(c, at(a, 0) + t * (at(b, 0) - at(a, 0)), at(a, 2) + t * (at(b, 2) - at(a, 2)));
    }
}

static void print(const canvas *c, str *out)
{
    for (int r = 0; r < ROWS; r++) {
        double y = c->y.high - (c->y.high - c->y.low) * r / (ROWS - 1);
        if (r % 4 && r != ROWS - 1)
            str_fmt(out, "%*s", LEFT, "");
        else
            str_fmt(out, "%*.4f ", LEFT - 1, y);
        for (int k = 0; k < c->columns; k++) { /* U+2800 + dots */
            unsigned bits = c->dots[r * c->columns + k];
            str_fmt(out, "\xe2%c%c", (char)(0xa0 + (bits >> 6)), (char)(0x80 + (bits & 0x3f)));
        }
        str_putc(out, '\n');
    }
    str_fmt(out, "%*s0%*.0f tokens\n", LEFT, "", c->columns - 1, c->x.high);
}

void report_plot(const json_t *page, int columns, str *out)
{
    const json_t *runs = json_object_get(page, "runs"), *groups = json_object_get(page, "groups");
    canvas c = {.columns = columns > LEFT + 24 ? columns - LEFT : 24, .x = {0, 0}, .y = RANGE_EMPTY};
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const json_t *list = json_object_get(json_array_get(runs, i), "eval");
        for (size_t k = 0; k < json_array_size(list); k++) {
            range_add(&c.x, at(json_array_get(list, k), 0));
            range_add(&c.y, at(json_array_get(list, k), 2));
        }
    }
    if (!(c.x.high > 0) || !(c.y.high > c.y.low)) {
        str_puts(out, "no held-out losses to plot\n");
        return;
    }
    for (size_t g = 0; g < json_array_size(groups); g++) {
        const char *name = json_string_value(json_array_get(groups, g));
        c.dots = xcalloc((size_t)(ROWS * c.columns), 1);
        for (size_t i = 0; i < json_array_size(runs); i++) {
            const json_t *list = json_object_get(json_array_get(runs, i), "eval");
            bool mine = report_group(page, report_text(json_array_get(runs, i), "group")) == (int)g;
            for (size_t k = 1; k < json_array_size(list) && mine; k++)
                line(&c, json_array_get(list, k - 1), json_array_get(list, k));
        }
        str_fmt(out, "%s%s: held-out loss\n", g ? "\n" : "", name);
        print(&c, out);
        free(c.dots);
    }
}

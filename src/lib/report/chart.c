/* chart.c -- charts as SVG. Colours are classes c0 to c7, whose values the style gives for light and
 * dark; a point is a small dot under a larger one that nothing shows, so that a finger finds it too, with
 * what it says in data-tip. */
#include "lib/report/impl.h"

#include <math.h>

enum { WIDTH = 440, HEIGHT = 290, LEFT = 52, RIGHT = 12, TOP = 10, BOTTOM = 40, COLORS = 8 };

void range_add(range *r, double x)
{
    if (!isfinite(x)) return;
    if (x < r->low) r->low = x;
    if (x > r->high) r->high = x;
}

/* About five steps of 1, 2 or 5 times a power of ten. */
static axis axis_of(const char *label, range r)
{
    if (r.low > r.high) r = (range){0, 1};
    double span = r.high - r.low, size = fmax(fabs(r.low), fabs(r.high));
    if (span <= 1e-9 * size) span = 0.1 * size; /* steps that rounding swallows would have no end */
    if (span <= 0) span = 1;
    double power = pow(10, floor(log10(span / 5))), step = power;
    static const double times[] = {1, 2, 5, 10};
    for (int i = 0; i < 4 && span / step > 6; i++) step = power * times[i];
    axis a = {label, floor(r.low / step + 1e-9) * step, ceil(r.high / step - 1e-9) * step, step};
    if (a.high <= a.low) a.high = a.low + step;
    return a;
}

static double at_x(const chart *c, double x)
{
    return LEFT + (x - c->x.low) / (c->x.high - c->x.low) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const chart *c, double y)
{
    return HEIGHT - BOTTOM - (y - c->y.low) / (c->y.high - c->y.low) * (HEIGHT - TOP - BOTTOM);
}

static void tick_text(str *out, double x, double step)
{
    int digits = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    if (fabs(x) >= 1e6)
        str_fmt(out, "%.*fM", step < 1e6 ? (int)ceil(6 - log10(step) - 1e-9) : 0, x / 1e6);
    else if (fabs(x) >= 1e4)
        str_fmt(out, "%.*fk", step < 1e3 ? 1 : 0, x / 1e3);
    else
        str_fmt(out, "%.*f", digits > 6 ? 6 : digits, fabs(x) < step / 2 ? 0 : x);
}

static void grid(chart *c)
{
    for (double x = c->x.low; x < c->x.high + c->x.step / 2; x += c->x.step) {
        double at = at_x(c, x);
        str_fmt(c->out, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", at, at, TOP,
                HEIGHT - BOTTOM);
        str_fmt(c->out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", at, HEIGHT - BOTTOM + 15);
        tick_text(c->out, x, c->x.step);
        str_puts(c->out, "</text>");
    }
    for (double y = c->y.low; y < c->y.high + c->y.step / 2; y += c->y.step) {
        double at = at_y(c, y);
        str_fmt(c->out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT,
                WIDTH - RIGHT, at,
                at);
        str_fmt(c->out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 6, at + 4);
        tick_text(c->out, y, c->y.step);
        str_puts(c->out, "</text>");
    }
}

void chart_begin(chart *c, str *out, const char *title, const char *x, range xs, const char *y, range ys)
{
    *c = (chart){out, axis_of(x, xs), axis_of(y, ys)};
    str_puts(out, "<figure><figcaption>");
    html_text(out, title);
    str_fmt(out, "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"group\" aria-label=\"", WIDTH, HEIGHT);
    html_text(out, title);
    str_puts(out, "\">");
    grid(c);
    str_fmt(out, "<text class=\"label\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6);
    html_text(out, x);
    str_fmt(out, "</text><text class=\"label\" transform=\"rotate(-90)\" x=\"%d\" y=\"13\" "
                 "text-anchor=\"middle\">",
            -(TOP + HEIGHT - BOTTOM) / 2);
    html_text(out, y);
    str_puts(out, "</text>\n");
}

void chart_end(chart *c) { str_puts(c->out, "</svg></figure>\n"); }

void chart_line(chart *c, int group, const char *style, const double *points, int64_t n)
{
    str_fmt(c->out, "<polyline class=\"%s c%d g%d\" points=\"", style, group % COLORS, group);
    for (int64_t i = 0; i < n; i++)
        str_fmt(c->out, "%s%.1f,%.1f", i ? " " : "", at_x(c, points[2 * i]), at_y(c, points[2 * i + 1]));
    str_puts(c->out, "\"/>\n");
}

void chart_point(chart *c, int group, double x, double y, const char *tip)
{
    if (!isfinite(x) || !isfinite(y)) return;
    str_fmt(c->out, "<g class=\"point c%d g%d\" tabindex=\"0\" role=\"img\" aria-label=\"", group % COLORS,
            group);
    html_text(c->out, tip);
    str_puts(c->out, "\" data-tip=\"");
    html_text(c->out, tip);
    str_fmt(c->out, "\"><circle class=\"hit\" cx=\"%.1f\" cy=\"%.1f\" r=\"10\"/><circle class=\"dot\" "
                    "cx=\"%.1f\" "
                    "cy=\"%.1f\" r=\"3.2\"/></g>\n",
            at_x(c, x), at_y(c, y), at_x(c, x), at_y(c, y));
}

/* test_plan.c -- the planner over models of full size, with no data: every plan is judged, the size of the
 * slab and the text of one small plan are recorded, operations are counted by hand, and the judge is shown
 * broken plans.
 *
 * `test_plan --update` records test/data/plan/ anew. */
#include "base/file.h"
#include "plan/llama.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char GOLDEN_PLAN[] = "test/data/plan/tiny.txt", GOLDEN_SIZES[] = "test/data/plan/sizes.txt";
static bool update;

static const llama models[] = {
    {.name = "Llama-3.1-8B",
     .layers = 32,
     .width = 4096,
     .heads = 32,
     .kv_heads = 8,
     .dim = 128,
     .ffn = 14336,
     .vocab = 128256},
    {.name = "Llama-3.2-1B",
     .layers = 16,
     .width = 2048,
     .heads = 32,
     .kv_heads = 8,
     .dim = 64,
     .ffn = 8192,
     .vocab = 128256,
     .tied = true},
    {.name = "Qwen3-0.6B",
     .layers = 28,
     .width = 1024,
     .heads = 16,
     .kv_heads = 8,
     .dim = 128,
     .ffn = 3072,
     .vocab = 151936,
     .tied = true,
     .head_norms = true},
    {.name = "Qwen2.5-0.5B",
     .layers = 24,
     .width = 896,
     .heads = 14,
     .kv_heads = 2,
     .dim = 64,
     .ffn = 4864,
     .vocab = 151936,
     .tied = true,
     .bias = true},
};

typedef struct policy {
    const char *name;
    plan_keep keep;
    int blocks; /* of 8 */
} policy;

static const policy policies[] = {{"all kept", KEEP_ALL, 0},
                                  {"cheap redone", REDO_CHEAP, 0},
                                  {"half redone", REDO_BLOCKS, 4},
                                  {"all redone", REDO_BLOCKS, 8}};

static llama sized(const llama *m, const char *targets, int64_t tokens)
{
    llama s = *m;
    s.rank = 16;
    s.targets = targets;
    s.tokens = tokens;
    s.labels = tokens / 2;
    s.chunk = 128;
    return s;
}

static prog planned(const llama *m, plan_keep keep, int blocks)
{
    prog p;
    llama_forward(&p, m);
    plan_grad(&p, keep, blocks);
    plan_memory(&p);
    return p;
}

static void every_plan_is_right(void **state)
{
    (void)state;
    const char *targets[] = {"all", "q_proj,v_proj", "k_proj", "down_proj", "up_proj,o_proj", "5:gate_proj"};
    double worst = 1;
    for (int k = 0; k < 4; k++)
        for (int t = 0; t < 6; t++)
            for (int c = 0; c < 4; c++)
                for (int64_t tokens = 128; tokens <= 8192; tokens *= 8) {
                    llama m = sized(&models[k], targets[t], tokens);
                    prog p = planned(&m, policies[c].keep, policies[c].blocks * m.layers / 8);
                    str why = {0};
                    if (plan_judge(&p, &why))
                        fail_msg("%s, %s, %s:\n%.400s", m.name, m.targets, policies[c].name, str_c(&why));
                    double share = (double)p.slab / (double)p.bound;
                    if (share > worst) worst = share;
                    str_free(&why);
                    prog_release(&p);
                }
    if (worst > 1.035) fail_msg("a slab is %.3f times what has to be alive at once", worst);
}

/* Compares text with what is recorded, or records it. */
static void golden(const char *path, const str *text)
{
    err e = {0};
    str want = {0};
    if (update && file_write(path, text->p, text->n, &e)) fail_msg("%s", e.msg);
    if (file_read(&want, path, 1 << 20, &e)) fail_msg("%s", e.msg);
    if (want.n != text->n || memcmp(want.p, text->p, want.n))
        fail_msg("%s differs; now:\n%s", path, str_c(text));
    str_free(&want);
}

/* Bytes of the slab at 2048 tokens, adapters on everything: a change is to be seen, then recorded. */
static void slabs_as_recorded(void **state)
{
    (void)state;
    str text = {0};
    for (int k = 0; k < 4; k++)
        for (int c = 0; c < 4; c++) {
            llama m = sized(&models[k], "all", 2048);
            prog p = planned(&m, policies[c].keep, policies[c].blocks * m.layers / 8);
            str_fmt(&text, "%-14s %-13s %12zu bytes, no plan below %12zu, %4d instructions\n", m.name,
                    policies[c].name, p.slab, p.bound, p.ni);
            prog_release(&p);
        }
    golden(GOLDEN_SIZES, &text);
    str_free(&text);
}

static const llama tiny = {.layers = 2,
                           .width = 12,
                           .heads = 4,
                           .kv_heads = 2,
                           .dim = 4,
                           .ffn = 20,
                           .vocab = 23,
                           .rank = 3,
                           .targets = "q_proj,down_proj",
                           .tokens = 16,
                           .labels = 6,
                           .chunk = 4};

static void printed_as_recorded(void **state)
{
    (void)state;
    prog p = planned(&tiny, REDO_BLOCKS, 1);
    str text = {0};
    plan_print(&p, &text);
    golden(GOLDEN_PLAN, &text);
    str_free(&text);
    prog_release(&p);
}

static int backwards_of(const prog *p, int seg)
{
    int n = 0;
    for (int k = 0; k < p->ni; k++) n += p->i[k].back && p->i[k].seg == seg;
    return n;
}

static void nothing_below_the_lowest_adapter(void **state)
{
    (void)state;
    llama m = tiny;
    m.layers = 4;
    m.targets = "2:q_proj";
    for (int c = 0; c < 4; c++) {
        prog p = planned(&m, policies[c].keep, policies[c].blocks / 2);
        for (int k = p.nfwd; k < p.ni; k++)
            if (p.i[k].seg == 1 || p.i[k].seg == 2) fail_msg("layer %d is touched again", p.i[k].seg - 1);
        assert_int_equal(backwards_of(&p, 3), 9); /* not the input norm, k, its rope, v; adds are free */
        assert_int_equal(backwards_of(&p, 4), 13);
        prog_release(&p);
    }
}

static int64_t last_use(const prog *p, const char *name)
{
    for (val x = 0; x < p->nv; x++)
        if (!strcmp(p->v[x].name, name) && p->v[x].kind == VALUE_TEMP) {
            while (p->v[x].root != x) x = p->v[x].root; /* in place of another */
            return p->v[x].last;
        }
    return -1;
}

/* The input of a frozen projection dies in the forward; that of an adapted one lives until its backward. */
static void inputs_of_frozen_projections_are_not_kept(void **state)
{
    (void)state;
    llama m = tiny;
    m.layers = 1;
    m.targets = "o_proj";
    prog p = planned(&m, KEEP_ALL, 0);
    assert_true(last_use(&p, "norm") < p.nfwd);
    assert_true(last_use(&p, "swiglu") < p.nfwd);
    assert_true(last_use(&p, "attention") >= p.nfwd);
    prog_release(&p);
    m.targets = "down_proj";
    p = planned(&m, KEEP_ALL, 0);
    assert_true(last_use(&p, "attention") < p.nfwd);
    assert_true(last_use(&p, "swiglu") >= p.nfwd);
    prog_release(&p);
}

static void without_adapters_there_is_no_backward(void **state)
{
    (void)state;
    llama m = tiny;
    m.rank = 0;
    prog p = planned(&m, REDO_BLOCKS, 2);
    assert_int_equal(p.ni, p.nfwd);
    assert_int_equal(p.i[p.ni - 1].out[1], NONE); /* nobody wants dh */
    prog_release(&p);
}

static void recompute_takes_less_memory(void **state)
{
    (void)state;
    llama m = sized(&models[1], "all", 2048);
    size_t before = SIZE_MAX;
    for (int c = 0; c < 4; c++) {
        prog p = planned(&m, policies[c].keep, policies[c].blocks * m.layers / 8);
        assert_true(p.slab < before);
        before = p.slab;
        prog_release(&p);
    }
}

static void everything_is_aligned_and_bound(void **state)
{
    (void)state;
    prog p = planned(&tiny, KEEP_ALL, 0);
    char *slab = aligned_alloc(64, p.slab);
    plan_bind(&p, slab);
    for (val x = 0; x < p.nv; x++) {
        if (p.v[x].kind != VALUE_TEMP && p.v[x].kind != VALUE_RESULT) continue;
        if (p.v[x].first < 0 && p.v[x].root == x) continue;
        assert_non_null(p.v[x].p);
        assert_int_equal((uintptr_t)p.v[x].p % 64, 0);
        assert_true((char *)p.v[x].p >= slab && (char *)p.v[x].p + value_bytes(&p.v[x]) <= slab + p.slab);
    }
    free(slab);
    prog_release(&p);
}

/* Only temporaries are worked on in place: inputs are the caller's, results stay to the end. */
static void inputs_and_results_keep_their_place(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 4, 0);
    val x = prog_value(&p, "x", VALUE_INPUT, ROWS_TOKENS, 0, 6);
    val y = op_add(&p, x, x), result = op_swiglu(&p, y, y), z = op_add(&p, result, result),
        last = op_add(&p, z, z);
    p.v[result].kind = VALUE_RESULT;
    plan_memory(&p);
    assert_int_equal(p.v[y].root, y);
    assert_int_equal(p.v[result].root, result);
    assert_int_equal(p.v[z].root, z);
    assert_int_equal(p.v[last].root, z);
    prog_release(&p);
}

/* By hand, for one layer with an adapter on q_proj alone and 10 live rows. */
static void operations_counted_by_hand(void **state)
{
    (void)state;
    llama m = tiny;
    m.layers = 1;
    m.targets = "q_proj";
    for (int c = 0; c < 4; c++) {
        prog p = planned(&m, policies[c].keep, policies[c].blocks / 8);
        prog_rows(&p, 10, 4);
        double rows = 10, width = 12, q = 16, kv = 8, ffn = 20, r = 3, pairs = 55, head = 4 * width * 23;
        double forward = rows * (2 * width * q + 2 * width * kv + 3 * width * ffn + r * (width + q)) +
                         2 * pairs * q + head;
        /* down, up, gate and o give dx; attention ds and dq; q gives dA and dB, and no dx */
        double backward =
            head + rows * (3 * width * ffn + q * width) + 2 * pairs * q + rows * r * (2 * q + width);
        assert_true(plan_operations(&p) == 2 * (forward + backward));

        int32_t start[] = {0, 0, 0, 0, 4, 4, 4, 4, 4, 4}; /* documents of 4 and 6: 10 + 21 pairs */
        for (val x = 0; x < p.nv; x++)
            if (!strcmp(p.v[x].name, "start")) p.v[x].p = start;
        assert_true(plan_operations(&p) == 2 * (forward + backward) - 2 * 4 * (pairs - 31) * q);
        prog_release(&p);
    }
    prog p;
    llama_forward(&p, &m);
    prog_rows(&p, 10, 0);
    double without = plan_operations(&p);
    prog_rows(&p, 10, 4);
    assert_true(plan_operations(&p) - without == 2.0 * 4 * 12 * 23);
    prog_release(&p);
}

static void windows_count_what_they_see(void **state)
{
    (void)state;
    for (int window = 0; window < 4; window += 3) {
        prog p;
        prog_init(&p, 8, 0);
        val q = prog_value(&p, "q", VALUE_INPUT, ROWS_TOKENS, 0, 8);
        val start = prog_ints(&p, "start", VALUE_INPUT, ROWS_TOKENS, 0, 1);
        op_attention(&p, q, q, q, start, 2, 2, window, 1);
        assert_true(plan_operations(&p) == 2 * 2 * 8.0 * (window ? 1 + 2 + 6 * 3 : 36));
        val cache = prog_value(&p, "cache", VALUE_STATE, ROWS_FIXED, 20, 8);
        double before = plan_operations(&p);
        op_cached_attention(&p, q, q, q, start, start, cache, cache, 2, 2, window, 20, 1);
        assert_true(plan_operations(&p) == 2 * before);
        int32_t position[] = {9, 9, 9, 9, 9, 9, 9, 9};
        p.v[start].p = NULL;
        val at = prog_ints(&p, "position", VALUE_INPUT, ROWS_TOKENS, 0, 1);
        p.v[at].p = position;
        p.i[1].in[4] = at;
        assert_true(plan_operations(&p) - before == 2 * 2 * 8.0 * 8 * (window ? 3 : 10));
        prog_release(&p);
    }
}

static void rows_count_the_source_they_see(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 3, 0);
    p.cap_source = 9;
    val q = prog_value(&p, "q", VALUE_INPUT, ROWS_TOKENS, 0, 8);
    val k = prog_value(&p, "k", VALUE_INPUT, ROWS_SOURCE, 0, 8);
    val seen = prog_ints(&p, "seen", VALUE_INPUT, ROWS_TOKENS, 0, 2);
    op_attention_across(&p, q, k, k, seen, 2, 1);
    assert_true(plan_operations(&p) == 2 * 2 * 8.0 * 3 * 9);
    p.v[seen].p = (int32_t[]){0, 4, 0, 4, 4, 9};
    assert_true(plan_operations(&p) == 2 * 2 * 8.0 * (4 + 4 + 5));
    prog_release(&p);
}

/* Breaks the n-th thing of a kind in a right plan; false when there is no n-th. */
typedef bool breakage(prog *p, int n);

static bool drop_instruction(prog *p, int n)
{
    if (n >= p->ni) return false;
    p->ni--;
    if (n < p->nfwd) p->nfwd--;
    memmove(&p->i[n], &p->i[n + 1], (size_t)(p->ni - n) * sizeof *p->i);
    return true;
}

/* Moves the n-th value onto the first other one that is alive in the middle of its life. */
static bool move_onto_another(prog *p, int n)
{
    for (val x = 0; x < p->nv; x++) {
        value *v = &p->v[x];
        if (v->first < 0 || v->root != x || n-- > 0) continue;
        for (val y = 0; y < p->nv; y++)
            if (y != x && p->v[y].root == y && p->v[y].first >= 0 && p->v[y].first <= v->last &&
                v->first <= p->v[y].last && value_bytes(v) && value_bytes(&p->v[y])) {
                v->off = p->v[y].off;
                return true;
            }
        return false;
    }
    return false;
}

static bool move_past_the_end(prog *p, int n)
{
    for (val x = 0; x < p->nv; x++)
        if (p->v[x].first >= 0 && p->v[x].root == x && n-- == 0) return p->v[x].off = p->slab, true;
    return false;
}

static bool move_off_alignment(prog *p, int n)
{
    for (val x = 0; x < p->nv; x++)
        if (p->v[x].first >= 0 && p->v[x].root == x && n-- == 0) return p->slab += 64, p->v[x].off += 4, true;
    return false;
}

static bool flip_adding(prog *p, int n)
{
    for (int k = 0; k < p->ni; k++)
        for (int j = 0; j < MAXIN; j++)
            if (p->i[k].din[j] != NONE && n-- == 0) return p->i[k].acc ^= BIT(j), true;
    return false;
}

static bool forget_gradient(prog *p, int n)
{
    for (int k = 0; k < p->ni; k++)
        for (int j = 0; j < MAXIN; j++)
            if (p->i[k].din[j] != NONE && n-- == 0) return p->i[k].din[j] = NONE, true;
    return false;
}

/* A planned operand of a backward that is not named. */
static bool forget_operand(prog *p, int n)
{
    for (int k = p->nfwd; k < p->ni; k++)
        for (int j = 0; j < MAXIN && p->i[k].back; j++)
            if (p->i[k].in[j] != NONE && p->v[p->i[k].in[j]].kind == VALUE_TEMP && n-- == 0)
                return p->i[k].in[j] = NONE, true;
    return false;
}

/* Does b read what a assigns? */
static bool depends(const instr *b, const instr *a)
{
    for (int j = 0; j < MAXIN; j++)
        if (a->back && a->din[j] != NONE && !(a->acc & BIT(j)) && a->din[j] == b->dout) return true;
    for (int j = 0; j < MAXIN; j++)
        for (int l = 0; l < MAXOUT; l++)
            if (!a->back && a->out[l] != NONE && a->out[l] == b->in[j]) return true;
    return false;
}

/* Swaps two neighbours of which the second depends on the first. */
static bool swap_neighbours(prog *p, int n)
{
    for (int k = 0; k + 1 < p->ni; k++) {
        if (!depends(&p->i[k + 1], &p->i[k]) || n-- > 0) continue;
        instr first = p->i[k];
        p->i[k] = p->i[k + 1];
        p->i[k + 1] = first;
        return true;
    }
    return false;
}

static void the_judge_sees_what_is_broken(void **state)
{
    (void)state;
    const struct {
        const char *name;
        breakage *broken;
        int least; /* so many ways to break */
    } ways[] = {
        {"an instruction less", drop_instruction, 60},   {"a value on another", move_onto_another, 30},
        {"a value past the end", move_past_the_end, 60}, {"a value not aligned", move_off_alignment, 60},
        {"assigned, not added", flip_adding, 30},        {"a gradient left out", forget_gradient, 30},
        {"an operand left out", forget_operand, 20},     {"out of order", swap_neighbours, 25}};
    for (int w = 0; w < 8; w++) {
        int n = 0;
        for (bool more = true; more; n++) {
            prog p = planned(&tiny, n % 2 ? REDO_BLOCKS : KEEP_ALL, 1);
            str why = {0};
            more = ways[w].broken(&p, n);
            if (more && !plan_judge(&p, &why)) fail_msg("%s, number %d: not seen", ways[w].name, n);
            str_free(&why);
            prog_release(&p);
        }
        if (n < ways[w].least) fail_msg("%s: only %d ways tried", ways[w].name, n);
    }
}

int main(int argc, char **argv)
{
    update = argc > 1 && !strcmp(argv[1], "--update");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_plan_is_right),
        cmocka_unit_test(slabs_as_recorded),
        cmocka_unit_test(printed_as_recorded),
        cmocka_unit_test(nothing_below_the_lowest_adapter),
        cmocka_unit_test(inputs_of_frozen_projections_are_not_kept),
        cmocka_unit_test(without_adapters_there_is_no_backward),
        cmocka_unit_test(recompute_takes_less_memory),
        cmocka_unit_test(everything_is_aligned_and_bound),
        cmocka_unit_test(inputs_and_results_keep_their_place),
        cmocka_unit_test(operations_counted_by_hand),
        cmocka_unit_test(windows_count_what_they_see),
        cmocka_unit_test(rows_count_the_source_they_see),
        cmocka_unit_test(the_judge_sees_what_is_broken),
    };
    return cmocka_run_group_tests_name("plans", tests, NULL, NULL);
}

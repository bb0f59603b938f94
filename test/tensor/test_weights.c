/* test_weights.c -- tensors by name: order, duplicates, growth, and storage taken over. */
#include "tensor/weights.h"
#include "tensors.h"

#include <sys/mman.h>

static const tensor *found(const weights *w, const char *name)
{
    const tensor *t = weights_find(w, name);
    if (!t) fail_msg("%s is not there", name);
    return t;
}

static void empty_set(void **state)
{
    (void)state;
    weights *w = weights_new();
    assert_int_equal(weights_count(w), 0);
    assert_null(weights_find(w, "a"));
    weights_free(w);
    weights_free(NULL);
}

static void names_are_copied(void **state)
{
    (void)state;
    weights *w = weights_new();
    char name[8] = "first";
    float data[2] = {1, 2};
    tensor t = view_of(DT_F32, 1, 2, data);
    err e = {0};
    t.name = name;
    assert_int_equal(weights_add(w, &t, &e), OK);
    strcpy(name, "second");
    assert_int_equal(weights_add(w, &t, &e), OK);
    strcpy(name, "gone");
    assert_string_equal(weights_at(w, 0)->name, "first");
    assert_string_equal(weights_at(w, 1)->name, "second");
    assert_ptr_equal(found(w, "first")->data, data);
    assert_null(weights_find(w, "gone"));
    weights_free(w);
}

/* A storage that tensors share counts once, by the longest of them; tensors without data count all. */
static void parameters_are_counted(void **state)
{
    (void)state;
    weights *w = weights_new();
    float x[6] = {0}, y[3] = {0};
    tensor t[] = {view_of(DT_F32, 1, 2, x), view_of(DT_F32, 1, 3, y), view_of(DT_F32, 2, 3, x),
                  view_of(DT_F32, 1, 4, NULL), view_of(DT_F32, 1, 4, NULL)};
    static const char *const name[] = {"a", "b", "c", "d", "e"};
    err e = {0};
    assert_int_equal(weights_parameters(w), 0);
    for (int i = 0; i < 5; i++) {
        t[i].name = name[i];
        assert_int_equal(weights_add(w, &t[i], &e), OK);
    }
    assert_int_equal(weights_parameters(w), 6 + 3 + 4 + 4);
    weights_free(w);
}

static void twice_is_an_error(void **state)
{
    (void)state;
    weights *w = weights_new();
    tensor t = view_of(DT_F32, 1, 1, NULL), u = view_of(DT_F16, 1, 1, NULL);
    err e = {0};
    t.name = u.name = "model.norm.weight";
    assert_int_equal(weights_add(w, &t, &e), OK);
    assert_int_equal(weights_add(w, &u, &e), E_FORMAT);
    assert_non_null(strstr(e.msg, "model.norm.weight"));
    assert_int_equal(weights_count(w), 1);
    assert_int_equal(found(w, "model.norm.weight")->type, DT_F32);
    weights_free(w);
}

/* Enough to grow list and table many times; every name is still found, and in its place. */
static void many_names(void **state)
{
    (void)state;
    enum { N = 5000 };
    weights *w = weights_new();
    char name[64];
    err e = {0};
    for (int i = 0; i < N; i++) {
        tensor t = view_of(DT_F32, i + 1, 1, NULL);
        t.name = name;
        snprintf(name, sizeof name, "model.layers.%d.mlp.%s.weight", i / 2, i % 2 ? "up_proj" : "down_proj");
        assert_int_equal(weights_add(w, &t, &e), OK);
    }
    assert_int_equal(weights_count(w), N);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "model.layers.%d.mlp.%s.weight", i / 2, i % 2 ? "up_proj" : "down_proj");
        assert_ptr_equal(found(w, name), weights_at(w, i));
        assert_int_equal(tensor_rows(weights_at(w, i)), i + 1);
        snprintf(name, sizeof name, "model.layers.%d.mlp.gate_proj.weight", i);
        assert_null(weights_find(w, name));
    }
    weights_free(w);
}

static bool is_mapped(const void *p) { return !msync((void *)p, 1, MS_ASYNC); }

/* The set frees what it adopted: when it adopts again, and at its end. */
static void adopts_storage(void **state)
{
    (void)state;
    weights *w = weights_new();
    float x[128];
    for (int i = 0; i < 128; i++) x[i] = (float)i;
    tensor view = view_of(DT_F32, 2, 64, x);
    err e = {0};
    const void *held[2];
    view.name = "w";
    assert_int_equal(weights_add(w, &view, &e), OK);
    view.name = "other";
    assert_int_equal(weights_add(w, &view, &e), OK);
    for (int round = 0; round < 2; round++) {
        tensor t = allocated(round ? DT_NF4 : DT_Q8_0, 2, 64, ABSMAX_DOUBLE);
        assert_int_equal(tensor_convert(&t, &view, &e), OK);
        char name[] = "w";
        t.name = name;
        weights_adopt(w, &t);
        memset(name, 'x', 1); /* the set keeps its own */
        held[round] = t.data;
        assert_int_equal(weights_count(w), 2);
        assert_ptr_equal(found(w, "w")->data, t.data);
        assert_int_equal(found(w, "w")->type, t.type);
        assert_string_equal(found(w, "w")->name, "w");
        float last;
        tensor_decode(found(w, "w"), 1, 63, 1, &last);
        assert_true(last == 127);
    }
    assert_ptr_equal(found(w, "other")->data, x);
    assert_false(held[0] != held[1] && is_mapped(held[0]));
    assert_true(is_mapped(held[1]));
    weights_free(w);
    assert_false(is_mapped(held[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_set),         cmocka_unit_test(names_are_copied),
        cmocka_unit_test(twice_is_an_error), cmocka_unit_test(parameters_are_counted),
        cmocka_unit_test(many_names),        cmocka_unit_test(adopts_storage),
    };
    return cmocka_run_group_tests_name("weights", tests, NULL, NULL);
}

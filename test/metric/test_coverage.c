/* test_coverage.c -- verdicts on slots, by hand: synonyms, quantities, negation, words of degree, what is
 * claimed by other attributes; and 200 human descriptions of E2E rows against a reader's judgement. */
#include "vocabulary.h"

#include "text/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct example {
    const char *mr, *text, *verdicts;
} example;

static void check(vocabulary *w, const example *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = verdicts(w, plain(list[i].mr), plain(list[i].text));
        if (strcmp(got, list[i].verdicts))
            fail_msg("%s: \"%s\": \"%s\", not \"%s\"", list[i].mr, list[i].text, got, list[i].verdicts);
    }
}

#define CHECK(w, list) check(w, list, sizeof list / sizeof *list)

static const char *const restaurants[] = {
    "name[The Eagle], eatType[coffee shop], food[Indian], priceRange[cheap], customer rating[low], "
    "area[riverside], familyFriendly[yes], near[Raja Indian Cuisine]",
    "name[Alimentum], eatType[pub], food[French], priceRange[moderate], customer rating[average], "
    "area[city centre], familyFriendly[no], near[Burger King]",
    "name[The Rice Boat], eatType[restaurant], food[Fast food], priceRange[high], customer rating[high]",
    "priceRange[less than £20], customer rating[1 out of 5]",
    "priceRange[£20-25], customer rating[3 out of 5]",
    "priceRange[more than £30], customer rating[5 out of 5], near[The Rice Boat]",
    NULL};

static void restaurant_words(void **state)
{
    (void)state;
    static const example list[] = {
        {"name[The Eagle], area[riverside]", "The Eagle is by the river.", ""},
        {"name[The Eagle], area[riverside]", "EAGLE, on the Riverside", ""},
        {"name[The Eagle], area[riverside]", "Alimentum is in the city center.",
         "wrong name said Alimentum; wrong area said city centre"},
        {"name[The Eagle], area[riverside]", "The Eagles are near.", "missing area"},
        {"name[The Eagle]", "The Eagle serves French food near Burger King.",
         "added food said French; added near said Burger King"},
        {"name[The Eagle], eatType[coffee shop]", "The Eagle is a café.", ""},
        {"name[The Eagle], eatType[coffee shop]", "The Eagle is a restaurant.", "missing eatType"},
        {"name[The Eagle]", "The Eagle is a restaurant.", ""},
        {"name[The Eagle]", "The Eagle is a pub.", "added eatType said pub"},
        {"name[The Eagle], eatType[restaurant]", "The Eagle is a restaurant.", ""},
        {"name[The Eagle], near[Raja Indian Cuisine]", "The Eagle is near Raja Indian Cuisine.", ""},
        {"name[The Eagle], food[Indian], near[Raja Indian Cuisine]", "The Eagle is near Raja Indian Cuisine.",
         "missing food"},
        {"name[The Rice Boat]", "The Rice Boat is nice.", ""},
        {"name[The Rice Boat]", "", "missing name"},
        {"name[The Eagle], food[Fast food]", "The Eagle has burgers.", ""},
        {"name[The Eagle], food[French]", "The Eagle does not serve French food.", "missing food"},
        {"name[The Eagle], area[riverside]", "The Eagle is not far from the riverside.", ""},
    };
    vocabulary w;
    vocabulary_open(&w, restaurants, 100, NULL);
    CHECK(&w, list);
    vocabulary_close(&w);
}

static void yes_and_no(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        char said; /* y, n, or - for neither */
    } list[] = {
        {"It is family friendly.", 'y'},
        {"It is a family-friendly place.", 'y'},
        {"Kids are welcome.", 'y'},
        {"Children welcome!", 'y'},
        {"It is child friendly and not far.", 'y'},
        {"It's not big but it is kid friendly.", 'y'},
        {"It is not big, kid friendly though.", 'y'},
        {"It is not only family friendly.", 'y'},
        {"No starters. Family friendly.", 'y'},
        {"It is family friendly, no starters.", 'y'},
        {"Look no further than this family place.", 'y'},
        {"It is not family friendly.", 'n'},
        {"It isn't family-friendly.", 'n'},
        {"It isn\xe2\x80\x99t family-friendly.", 'n'},
        {"It isn 't family-friendly.", 'n'},
        {"It does not welcome families.", 'n'},
        {"A non-family-friendly place.", 'n'},
        {"It is not so kid friendly.", 'n'},
        {"Families are not welcome.", 'n'},
        {"Children are not really allowed.", 'n'},
        {"Kids are prohibited.", 'n'},
        {"Family friendly: no", 'n'},
        {"For adults only.", 'n'},
        {"Leave the kids at home.", 'n'},
        {"It lacks a family atmosphere.", 'n'},
        {"No children.", 'n'},
        {"It is neither big nor family friendly.", 'n'},
        {"It is friendly.", '-'},
        {"", '-'},
    };
    vocabulary w;
    vocabulary_open(&w, restaurants, 100, NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char said = list[i].said;
        const example both[] = {
            {"familyFriendly[yes]", list[i].text,
             said == 'y'   ? ""
             : said == 'n' ? "wrong familyFriendly said no"
                           : "missing familyFriendly"},
            {"familyFriendly[no]", list[i].text,
             said == 'n'   ? ""
             : said == 'y' ? "wrong familyFriendly said yes"
                           : "missing familyFriendly"},
        };
        CHECK(&w, both);
    }
    vocabulary_close(&w);
}

static void prices_and_ratings(void **state)
{
    (void)state;
    static const example list[] = {
        {"priceRange[£20-25]", "Meals are £20-25.", ""},
        {"priceRange[£20-25]", "Meals are £20 - £25.", ""},
        {"priceRange[£20-25]", "between twenty and twenty five pounds", ""},
        {"priceRange[£20-25]", "from 20 to 25 GBP", ""},
        {"priceRange[£20-25]", "Meals are under £20.", "wrong priceRange said less than £20"},
        {"priceRange[£20-25]", "Meals are £21-25.", "wrong priceRange said ?"},
        {"priceRange[£20-25]", "Meals are $20-25.", "wrong priceRange said ?"},
        {"priceRange[less than £20]", "It costs less than 20 pounds.", ""},
        {"priceRange[less than £20]", "You pay £20 or less.", ""},
        {"priceRange[less than £20]", "It is cheap.", ""},
        {"priceRange[less than £20]", "It is expensive.", "wrong priceRange said high"},
        {"priceRange[more than £30]", "over 30 pounds", ""},
        {"priceRange[more than £30]", "£30+", ""},
        {"priceRange[more than £30]", "£30", "wrong priceRange said ?"},
        {"priceRange[cheap]", "It has low prices and a high rating.", "added customer rating said high"},
        {"priceRange[high], customer rating[low]", "High prices, low customer rating.", ""},
        {"priceRange[high], customer rating[low]", "The price range is high and the customer rating is low.",
         ""},
        {"priceRange[high], customer rating[low]", "The customer rating is high and the price range is low.",
         "wrong priceRange said cheap; wrong customer rating said high"},
        {"priceRange[moderate]", "A moderate rating.",
         "missing priceRange; added customer rating said average"},
        {"priceRange[high]", "High above the river.", "missing priceRange; added area said riverside"},
        {"customer rating[5 out of 5]", "rated five out of five", ""},
        {"customer rating[5 out of 5]", "5/5 stars", ""},
        {"customer rating[5 out of 5]", "a 5-star place", ""},
        {"customer rating[5 out of 5]", "a customer rating of 5", ""},
        {"customer rating[5 out of 5]", "a party of 5", "missing customer rating"},
        {"customer rating[5 out of 5]", "3 out of 5", "wrong customer rating said average"},
        {"customer rating[5 out of 5]", "four stars", "wrong customer rating said ?"},
        {"customer rating[5 out of 5]", "highly rated", ""},
        {"customer rating[5 out of 5]", "not highly rated", "wrong customer rating said low"},
        {"customer rating[3 out of 5]", "Customers give it an average score.", ""},
        {"area[riverside]", "By the river, 1 out of 5.", "added customer rating said low"},
    };
    vocabulary w;
    vocabulary_open(&w, restaurants, 100, NULL);
    CHECK(&w, list);
    vocabulary_close(&w);
}

static void products(void **state)
{
    (void)state;
    static const char *const data[] = {"name[Ridge Pack 20], price[79.99], screen[15.6\"], weight[1.2 kg], "
                                       "colour[black, white], waterproof[yes], "
                                       "battery[5000 mAh], isWireless[true], ports[2]",
                                       "name[City Bag], price[1,299.00], screen[35 cm], weight[900 g], "
                                       "colour[red], waterproof[no], isWireless[false]",
                                       "colour[Crème brûlée], size[large], ports[n/a], depth[2 cm]", NULL};
    static const example list[] = {
        {"price[79.99]", "Now $79.99!", ""},
        {"price[79.99]", "Now 79.99", ""},
        {"price[79.99]", "Now €89.99", "wrong price said ?"},
        {"price[1,299.00]", "Yours for £1299", ""},
        {"price[79.99]", "79.990 only", ""},
        {"price[79.99]", "Nothing.", "missing price"},
        {"screen[15.6\"]", "a 15.6-inch screen", ""},
        {"screen[15.6\"]", "a 15.6in", ""},
        {"screen[15.6\"]", "396.24 mm wide", ""},
        {"screen[15.6\"]", "a 14 inch screen", "wrong screen said ?"},
        {"screen[35 cm]", "350mm", ""},
        {"weight[1.2 kg]", "It weighs 1200 grams.", ""},
        {"weight[1.2 kg]", "It weighs 900g.", "wrong weight said 900 g"},
        {"battery[5000 mAh]", "a 5,000mAh battery", ""},
        {"screen[15.6\"], weight[1.2 kg]", "15.6 inches, 1.2kg", ""},
        {"screen[15.6\"], depth[2 cm]", "15.6 inches, 3 cm", "missing depth"},
        {"depth[2 cm]", "3 cm", "wrong depth said ?"},
        {"colour[black, white]", "in black and white", ""},
        {"colour[Crème brûlée]", "in creme BRULEE", ""},
        {"colour[red]", "in black & white", "wrong colour said black, white"},
        {"waterproof[yes]", "It is waterproof.", ""},
        {"waterproof[no]", "It is waterproof.", "wrong waterproof said yes"},
        {"waterproof[no]", "It is not waterproof.", ""},
        {"isWireless[true]", "wireless", ""},
        {"isWireless[false]", "wireless", "wrong isWireless said true"},
        {"name[City Bag]", "The City Bag is wireless.", "added isWireless said true"},
        {"ports[2]", "It has two ports.", ""},
        {"ports[2]", "It has ports: 3.", "missing ports"},
        {"ports[2]", "It has ports 3 and 4.", "wrong ports said ?"},
        {"name[Ridge Pack 20]", "The Ridge Pack 20.", ""},
        {"name[Ridge Pack 20]", "The Ridge Pack 30.", "missing name"},
        {"colour[red], size[large]", "large and red", ""},
    };
    vocabulary w;
    vocabulary_open(&w, data, 100, NULL);
    CHECK(&w, list);
    vocabulary_close(&w);
}

/* Of an attribute with nearly as many values as rows, other values do not count. */
static void open_values(void **state)
{
    (void)state;
    static const char *const data[] = {"title[Red Lamp]", "title[Lamp]", "title[Chair]", NULL};
    static const example few[] = {{"title[Red Lamp]", "A chair.", "wrong title said Chair"}};
    static const example many[] = {{"title[Red Lamp]", "A chair.", "missing title"}};
    vocabulary w;
    vocabulary_open(&w, data, 6, NULL);
    CHECK(&w, few);
    vocabulary_close(&w);
    vocabulary_open(&w, data, 5, NULL);
    CHECK(&w, many);
    vocabulary_close(&w);
}

static void users_synonyms(void **state)
{
    (void)state;
    static const char *const data[] = {"colour[red], petFriendly[yes], finish[low]",
                                       "colour[blue], finish[high]", NULL};
    static const char user[] = "# colours\n\ncolour\tred\tcrimson\r\nColour\tgreen\t~lime\n"
                               "pet friendly\tyes\tdogs\npet_friendly\tno\tno pets\n"
                               "finish\t@\tgloss\nfinish\tlow\t@dull\n";
    static const example list[] = {
        {"colour[red]", "a crimson thing", ""},
        {"colour[blue]", "a crimson thing", "wrong colour said red"},
        {"colour[blue]", "a lime thing", "missing colour"},
        {"colour[green]", "a lime thing", ""},
        {"petFriendly[yes]", "dogs welcome", ""},
        {"petFriendly[no]", "no pets", ""},
        {"petFriendly[no]", "no dogs", ""},
        {"finish[low]", "a dull gloss", ""},
        {"finish[low]", "a dull day", "missing finish"},
        {"finish[high]", "high gloss", ""},
        {"finish[high]", "high up", "missing finish"},
    };
    vocabulary w;
    vocabulary_open(&w, data, 100, user);
    CHECK(&w, list);
    vocabulary_close(&w);
}

static void broken_synonyms(void **state)
{
    (void)state;
    static const char advice[] = "a line is ATTRIBUTE, VALUE and PHRASE with tabs between them";
    static const char *const lines[] = {"colour\tred", "colour red crimson", "\tred\tcrimson",
                                        "colour\tred\t~", "a\tb\tc\td"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        synonyms s = {0};
        err e = {0};
        str text = {0}, want = {0};
        str_fmt(&text, "colour\tred\tcrimson\n%s\n", lines[i]);
        str_fmt(&want, "f.tsv:2: %s", advice);
        assert_int_equal(synonyms_parse(&s, "f.tsv", text.p, text.n, &e), E_FORMAT);
        assert_string_equal(e.msg, want.p);
        synonyms_free(&s);
        str_free(&text);
        str_free(&want);
    }
    synonyms s = {0};
    err e = {0};
    assert_int_equal(synonyms_parse(&s, "f.tsv", "\xff\n", 2, &e), E_FORMAT);
    assert_string_equal(e.msg, "f.tsv:1: not UTF-8 text");
    synonyms_free(&s);
}

static void representations(void **state)
{
    (void)state;
    attribute_list l = {0};
    assert_true(attribute_read(&l, plain(" name[The Eagle],near [ A, b [c ] ,x[] ")));
    assert_int_equal(l.n, 3);
    assert_int_equal(l.p[1].name.n, 4);
    assert_memory_equal(l.p[1].value.p, "A, b [c", 7);
    assert_int_equal(l.p[2].value.n, 0);
    static const char *const other[] = {"",      "name",  "name[x", "[x]",    "a[b] cc[d]",
                                        "a[b],", "a[b]]", "a,b[c]", "a[b], c"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        assert_false(attribute_read(&l, plain(other[i])));
        assert_int_equal(l.n, 0);
    }
    attribute_free(&l);
}

static void acts(void **state)
{
    (void)state;
    attribute_list l = {0};
    assert_true(attribute_read(&l, plain(" ?compare(name=zelus 40;memory= 4 gb ; design='a, b = c';price)")));
    assert_int_equal(l.n, 3);
    assert_int_equal(l.p[0].value.n, 8);
    assert_memory_equal(l.p[1].value.p, "4 gb", 4);
    assert_int_equal(l.p[2].value.n, 8);
    assert_memory_equal(l.p[2].value.p, "a, b = c", 8);
    assert_true(attribute_read(&l, plain("goodbye()")));
    assert_int_equal(l.n, 0);
    static const char *const other[] = {"()", "say(", "say(a=b", "a b(c=d)", "say(=b)", "say(a=(b))",
                                        "say(;a=b)", "say(a=b)x"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        assert_false(attribute_read(&l, plain(other[i])));
        assert_int_equal(l.n, 0);
    }
    assert_true(attribute_is_none(plain("dontcare")));
    attribute_free(&l);
}

/* Counts of texts with 0 to 2 slots, by hand. */
static void counts(void **state)
{
    (void)state;
    slot_counts c = {0};
    assert_true(slot_error_rate(&c) == 0);
    const slot_judged v[] = {{0, 0, SLOT_REALIZED, -1},
                             {0, 1, SLOT_MISSING, -1},
                             {1, 0, SLOT_WRONG, 1},
                             {1, 0, SLOT_REALIZED, -1},
                             {2, -1, SLOT_ADDED, 0}};
    for (int i = 0; i < 5; i++) slot_count(&c, &v[i]);
    assert_int_equal(c.slots, 4);
    assert_true(slot_error_rate(&c) == 3. / 4);
}

static passage cell_at(const table *t, int64_t row, const char *column)
{
    cell c = table_cell(t, row, table_column(t, column));
    return (passage){c.text, c.n};
}

/* Whether the attribute is among "missing food; wrong area". */
static bool is_error(const char *errors, size_t n, const char *attribute)
{
    const char *at = memmem(errors, n, attribute, strlen(attribute));
    size_t left = at ? n - (size_t)(at - errors) - strlen(attribute) : 0;
    return at && at > errors && at[-1] == ' ' && (!left || at[strlen(attribute)] == ';');
}

/* docs/METRICS.md has these numbers. */
static void against_a_reader(void **state)
{
    (void)state;
    table t;
    err e = {0};
    if (table_open(&t, "test/data/metric/e2e-judged.csv", TABLE_REFUSE, &e) != OK) fail_msg("%s", e.msg);
    assert_int_equal(t.rows, 200);
    synonyms s = {0};
    synonyms_built_in(&s);
    vocabulary w = {.c = coverage_new(&s)};
    slot row[ROW_MOST];
    for (int64_t i = 0; i < t.rows; i++) slots_of(w.c, cell_at(&t, i, "mr"), row);
    coverage_ready(w.c, t.rows);
    int both = 0, detector = 0, reader = 0;
    for (int64_t i = 0; i < t.rows; i++) {
        passage said = cell_at(&t, i, "errors");
        verdicts(&w, cell_at(&t, i, "mr"), cell_at(&t, i, "ref"));
        for (int64_t k = 0; k < w.verdicts.n; k++) {
            const slot_judged *v = &w.verdicts.p[k];
            if (v->verdict == SLOT_REALIZED) continue;
            detector++;
            both += is_error(said.p, said.n, coverage_attribute_name(w.c, v->attribute));
        }
        if (said.n) reader++;
        for (size_t k = 0; k < said.n; k++) reader += said.p[k] == ';';
    }
    assert_int_equal(reader, 77);
    assert_int_equal(detector, 82);
    assert_int_equal(both, 74);
    vocabulary_close(&w);
    table_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restaurant_words),
        cmocka_unit_test(yes_and_no),
        cmocka_unit_test(prices_and_ratings),
        cmocka_unit_test(products),
        cmocka_unit_test(open_values),
        cmocka_unit_test(users_synonyms),
        cmocka_unit_test(broken_synonyms),
        cmocka_unit_test(representations),
        cmocka_unit_test(acts),
        cmocka_unit_test(counts),
        cmocka_unit_test(against_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_table.c -- the four formats, every refusal word for word, lines and columns. */
#include "text/table.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static table parse(const char *text)
{
    table t;
    err e = {0};
    if (table_parse(&t, "f", text, strlen(text), TABLE_REFUSE, &e) != OK) fail_msg("%s", e.msg);
    return t;
}

static void expect_cell(const table *t, int64_t row, const char *column, cell_kind kind, const char *text)
{
    int c = table_column(t, column);
    assert_true(c >= 0 || kind == CELL_ABSENT);
    cell v = table_cell(t, row, c);
    assert_int_equal(v.kind, kind);
    if (kind == CELL_ABSENT) {
        assert_null(v.text);
        return;
    }
    assert_int_equal(v.n, strlen(text));
    assert_memory_equal(v.text, text, v.n);
}

static void refuse_bytes(const char *text, size_t n, const char *message)
{
    table t;
    err e = {0};
    assert_int_equal(table_parse(&t, "f", text, n, TABLE_REFUSE, &e), E_FORMAT);
    assert_string_equal(e.msg, message);
    assert_null(t.cells);
}

static void refuse(const char *text, const char *message) { refuse_bytes(text, strlen(text), message); }

static void csv_follows_the_rfc(void **state)
{
    (void)state;
    table t = parse("name,text\r\nplain,\"a, \"\"b\"\"\r\nc\"\r\n\r\n,in \"side\" \r\nlast,\"\"\"\"");
    assert_int_equal(t.format, TABLE_CSV);
    assert_int_equal(t.rows, 3);
    assert_int_equal(t.columns, 2);
    assert_string_equal(t.column[0], "name");
    assert_string_equal(t.column[1], "text");
    expect_cell(&t, 0, "name", CELL_TEXT, "plain");
    expect_cell(&t, 0, "text", CELL_TEXT, "a, \"b\"\r\nc");
    expect_cell(&t, 1, "name", CELL_TEXT, "");
    expect_cell(&t, 1, "text", CELL_TEXT, "in \"side\" ");
    expect_cell(&t, 2, "text", CELL_TEXT, "\"");
    expect_cell(&t, 2, "nothing", CELL_ABSENT, NULL);
    assert_int_equal(t.line[0], 2);
    assert_int_equal(t.line[1], 5);
    assert_int_equal(t.line[2], 6);
    table_close(&t);
}

static void csv_small_forms(void **state)
{
    (void)state;
    table t = parse("\xef\xbb\xbf\n\"a\"\n1\r");
    assert_int_equal(t.rows, 1);
    expect_cell(&t, 0, "a", CELL_TEXT, "1");
    assert_int_equal(t.line[0], 3);
    table_close(&t);
    t = parse(",b\n0,x\r y\n1,\n"); /* the unnamed first column that data frames write */
    assert_int_equal(t.rows, 2);
    expect_cell(&t, 0, "", CELL_TEXT, "0");
    expect_cell(&t, 0, "b", CELL_TEXT, "x\r y");
    expect_cell(&t, 1, "b", CELL_TEXT, "");
    table_close(&t);
}

static void tsv_is_told_by_its_header(void **state)
{
    (void)state;
    table t = parse("a, b\tc\n\"x\ty\"\tz, w\n");
    assert_int_equal(t.format, TABLE_TSV);
    expect_cell(&t, 0, "a, b", CELL_TEXT, "x\ty");
    expect_cell(&t, 0, "c", CELL_TEXT, "z, w");
    table_close(&t);
    t = parse("a,b\nx\ty,z\n");
    assert_int_equal(t.format, TABLE_CSV);
    expect_cell(&t, 0, "a", CELL_TEXT, "x\ty");
    table_close(&t);
}

static void jsonl_keeps_what_is_written(void **state)
{
    (void)state;
    table t = parse(
        "\xef\xbb\xbf\n {\"a\": \"x\\n\\u00e9\\ud83d\\ude00\\\"\", \"price\" "
        ":149.90,\"n\":12345678901234567890 }\r\n"
        "\t\n{\"n\":null,\"b\":true, \"m\":[{\"role\": \"]}\\\"\"}, [ ] ], \"a\":\"caf\xc3\xa9\"}\n{}\n");
    assert_int_equal(t.format, TABLE_JSONL);
    assert_int_equal(t.rows, 3);
    const char *names[] = {"a", "price", "n", "b", "m"};
    assert_int_equal(t.columns, 5);
    for (int i = 0; i < 5; i++) assert_string_equal(t.column[i], names[i]);
    expect_cell(&t, 0, "a", CELL_TEXT, "x\n\xc3\xa9\xf0\x9f\x98\x80\"");
    expect_cell(&t, 0, "price", CELL_SCALAR, "149.90");
    expect_cell(&t, 0, "n", CELL_SCALAR, "12345678901234567890");
    expect_cell(&t, 0, "b", CELL_ABSENT, NULL);
    expect_cell(&t, 1, "n", CELL_NULL, "");
    expect_cell(&t, 1, "b", CELL_SCALAR, "true");
    expect_cell(&t, 1, "m", CELL_JSON, "[{\"role\": \"]}\\\"\"}, [ ] ]");
    expect_cell(&t, 1, "a", CELL_TEXT, "caf\xc3\xa9");
    expect_cell(&t, 1, "price", CELL_ABSENT, NULL);
    expect_cell(&t, 2, "a", CELL_ABSENT, NULL);
    assert_int_equal(t.line[0], 2);
    assert_int_equal(t.line[1], 4);
    assert_int_equal(t.line[2], 5);
    table_close(&t);
}

static void json_array_knows_its_lines(void **state)
{
    (void)state;
    table t = parse("\n[\n  {\"a\": 1,\n   \"k\\u00e9y\": [\n 2]},\n  {\"a\": -2.50e3}\n]\n\n");
    assert_int_equal(t.format, TABLE_JSON);
    assert_int_equal(t.rows, 2);
    expect_cell(&t, 0, "a", CELL_SCALAR, "1");
    expect_cell(&t, 0, "k\xc3\xa9y", CELL_JSON, "[\n 2]");
    expect_cell(&t, 1, "a", CELL_SCALAR, "-2.50e3");
    assert_int_equal(t.line[0], 3);
    assert_int_equal(t.line[1], 6);
    table_close(&t);
}

static void json_array_of_arrays(void **state)
{
    (void)state;
    table t = parse("# made by\n#hand\n[ [\"say(a=b)\", \"a \\u00e9\"],\n [1, null, [2, \"]\"]] ]");
    assert_int_equal(t.rows, 2);
    assert_int_equal(t.columns, 3);
    expect_cell(&t, 0, "1", CELL_TEXT, "say(a=b)");
    expect_cell(&t, 0, "2", CELL_TEXT, "a \xc3\xa9");
    expect_cell(&t, 1, "1", CELL_SCALAR, "1");
    expect_cell(&t, 1, "3", CELL_JSON, "[2, \"]\"]");
    assert_int_equal(t.line[0], 3);
    assert_int_equal(t.line[1], 4);
    table_close(&t);
    refuse("[[1, 2], 3]", "f:1:10: a row has to be a JSON object, as {\"column\": \"value\"}");
    refuse("{\"a\": 1}\n[2]\n", "f:2:1: a row has to be a JSON object, as {\"column\": \"value\"}");
}

static void csv_refusals(void **state)
{
    (void)state;
    refuse("a,b\n1,2\n1,\"x\n\n", "f:3:3: a quote that is never closed");
    refuse("a,b\n1,\"x\"y\n",
           "f:2:6: text after a closing quote; a quote inside a quoted field is written twice");
    refuse("a,b\n1,2\n\xc3\xa9,2,3\n", "f:3:5: the row has more fields than the header (2)");
    refuse("a,b,c\n1,2,3\n1,\xc3\xa9\n", "f:3:4: the row has 2 fields, the header has 3");
    refuse("a,b\n1\n", "f:2:2: the row has 1 field, the header has 2");
    refuse("a,b,a\n1,2,3\n", "f:1:5: a second column \"a\"");
    refuse("\xef\xbb\xbf"
           "a,b,a\n1,2,3\n",
           "f:1:5: a second column \"a\"");
    refuse("a;b\n1;2\n", "f:1:4: columns are separated by ';'; save the file with commas or tabs");
    refuse("a,b\r\n\r\n", "f: has a header and no rows");
}

static void json_refusals(void **state)
{
    (void)state;
    refuse("{\"a\": 1}\n{\"a\" 1}\n", "f:2:6: not valid JSON: ':' expected");
    refuse("{\"a\": 1}\n{\"a\": \"\xc3\xa9\n", "f:2:9: not valid JSON: premature end of input");
    refuse("{\"a\": 1,\n \"b\": 2}\n", "f:1:9: not valid JSON: string or '}' expected");
    refuse("{\"a\": 1} x\n", "f:1:10: not valid JSON: end of file expected");
    refuse("{\"a\": 1, \"a\": 2}\n", "f:1:12: not valid JSON: duplicate object key");
    refuse("{\"a\": \"\\u0000\"}\n", "f:1:14: not valid JSON: \\u0000 is not allowed without JSON_ALLOW_NUL");
    refuse("{\"a\": 1}\n[1]\n", "f:2:1: a row has to be a JSON object, as {\"column\": \"value\"}");
    refuse("[{\"a\": 1},\n 7]", "f:2:2: a row has to be a JSON object, as {\"column\": \"value\"}");
    refuse("[{\"a\": 1},\n", "f:2:1: the array is not closed; the file is cut short");
    refuse("[{\"a\": 1}\n", "f:2:1: the array is not closed; the file is cut short");
    refuse("[", "f:1:2: the array is not closed; the file is cut short");
    refuse("[{\"a\": 1} {\"a\": 1}]", "f:1:11: ',' or ']' has to follow a row of the array");
    refuse("[{\"a\": 1},]", "f:1:11: a row has to follow ','");
    refuse("[{\"a\": 1}]\n x", "f:2:2: text after the end of the array");
    refuse("[{\"a\": 1},{\"a\":", "f:1:16: not valid JSON: unexpected token");
    refuse(" [ ] ", "f: has no rows");
}

static void file_refusals(void **state)
{
    (void)state;
    refuse("", "f: is empty");
    refuse("\xef\xbb\xbf \r\n", "f: is empty");
    refuse("a,b\n1,\xc3\xa9 \xc3(\n", "f:2:5: not valid UTF-8 (byte 0xc3)"
           "; save it as UTF-8, or give --invalid_utf8 replace");
    refuse("a,b\n1,\xed\xa0\x80\n", "f:2:3: not valid UTF-8 (byte 0xed)"
           "; save it as UTF-8, or give --invalid_utf8 replace");
    refuse_bytes("a,b\n1,x\0y\n", 10, "f:2:4: a NUL byte; a data file has to be text");
    refuse("\xff\xfe"
           "a",
           "f: is UTF-16; save it as UTF-8");
    refuse("\xfe\xff"
           "a",
           "f: is UTF-16; save it as UTF-8");
    refuse("\x1f\x8b\x08", "f: is compressed with gzip; unpack it first");
    refuse("\x28\xb5\x2f\xfd", "f: is compressed with zstd; unpack it first");
    refuse("PK\x03\x04...", "f: is a zip archive or a workbook; save the table as CSV or JSONL");
    refuse("PAR1....", "f: is a Parquet file; convert it to CSV or JSONL");
    table t;
    err e = {0};
    assert_int_equal(table_open(&t, "/", TABLE_REFUSE, &e), E_IO);
    assert_string_equal(e.msg, "/: is a folder; name one data file");
    e = (err){0};
    assert_int_equal(table_open(&t, "/nonexistent.csv", TABLE_REFUSE, &e), E_IO);
    assert_string_equal(e.msg, "/nonexistent.csv: cannot open: No such file or directory");
}

static void limits(void **state)
{
    (void)state;
    str s = {0};
    for (int i = 0; i < TABLE_COLUMNS_MAX; i++) str_fmt(&s, "%sc%d", i ? "," : "", i);
    size_t header = s.n;
    str_puts(&s, "\n");
    for (int i = 1; i < TABLE_COLUMNS_MAX; i++) str_puts(&s, ",");
    table t = parse(s.p);
    assert_int_equal(t.columns, TABLE_COLUMNS_MAX);
    table_close(&t);
    s.n = header;
    str_puts(&s, ",x\n");
    char expected[64];
    snprintf(expected, sizeof expected, "f:1:%zu: more than 512 columns", header + 2);
    refuse(s.p, expected);

    str_clear(&s);
    str_puts(&s, "a\nx\n");
    size_t start = s.n;
    while (s.n - start < TABLE_ROW_MAX) str_add(&s, "0123456789abcdef", 16);
    t = parse(s.p);
    assert_int_equal(table_cell(&t, 1, 0).n, TABLE_ROW_MAX);
    table_close(&t);
    str_puts(&s, "!");
    refuse(s.p, "f:3:1: the row is larger than 16 MiB");

    memcpy(s.p, "\n\n{\"a\":\"", 8);
    refuse(s.p, "f:3:1: the row is larger than 16 MiB");
    s.p[0] = '[';
    refuse(s.p, "f:2:1: the row is larger than 16 MiB");
    s.p[0] = '\n';
    str_puts(&s, "\"}");
    refuse(s.p, "f:3:1: the row is larger than 16 MiB");
    str_free(&s);
}

static void fields_in_messages(void **state)
{
    (void)state;
    table t = parse("{\"name\": 1}\n{\"category\": 1, \"name\": 2}\n{}\n{\"a\\nb\\u007f\": 1}");
    struct {
        int64_t row;
        const char *message;
    } cases[] = {
        {-1, "f: no field \"x\" (fields: name, category, a?b?); do it"},
        {1, "f:2: no field \"x\" (fields: category, name); do it"},
        {2, "f:3: no field \"x\" (fields: none); do it"},
        {3, "f:4: no field \"x\" (fields: a?b?); do it"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        assert_int_equal(table_no_field(&t, cases[i].row, "x", "do it", &e), E_FORMAT);
        assert_string_equal(e.msg, cases[i].message);
    }
    table_close(&t);
    str s = {0};
    for (int i = 0; i < 3; i++) {
        if (i) str_puts(&s, ",");
        for (int j = 0; j < 150; j++) str_putc(&s, (char)('a' + i));
    }
    str_puts(&s, "\n,,\n");
    t = parse(s.p);
    str_clear(&s);
    table_fields(&t, -1, &s);
    assert_int_equal(s.n, 150 + 2 + 150 + 2 + 3);
    assert_string_equal(s.p + 304, "...");
    table_close(&t);
    str_free(&s);
}

static void many_rows_from_a_file(void **state)
{
    (void)state;
    char *folder = scratch_new(), path[4096];
    snprintf(path, sizeof path, "%s/rows.csv", folder);
    str s = {0};
    str_puts(&s, "i,square\n");
    for (int i = 0; i < 5000; i++) str_fmt(&s, "%d,\"%d\n\"\n", i, i * i);
    err e = {0};
    assert_int_equal(file_write(path, s.p, s.n, &e), OK);
    table t;
    assert_int_equal(table_open(&t, path, TABLE_REFUSE, &e), OK);
    assert_string_equal(t.name, path);
    assert_int_equal(t.rows, 5000);
    char expected[32];
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(t.line[i], 2 + 2 * i);
        snprintf(expected, sizeof expected, "%d\n", i * i);
        expect_cell(&t, i, "square", CELL_TEXT, expected);
    }
    table_close(&t);
    scratch_free(folder);
    str_free(&s);
}

/* What Python's bytes.decode("utf-8", "replace") makes of it, and how many U+FFFD. */
static void broken_parts_are_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
        int64_t n;
    } part[] = {
        {"\200", "\357\277\275", 1},
        {"\277\277", "\357\277\275\357\277\275", 2},
        {"\300\200", "\357\277\275\357\277\275", 2},
        {"\301\277", "\357\277\275\357\277\275", 2},
        {"\303", "\357\277\275", 1},
        {"\303(", "\357\277\275(", 1},
        {"\303\303\251", "\357\277\275\303\251", 1},
        {"\340\200\200", "\357\277\275\357\277\275\357\277\275", 3},
        {"\340\237\277", "\357\277\275\357\277\275\357\277\275", 3},
        {"\340\240", "\357\277\275", 1},
        {"\342\202", "\357\277\275", 1},
        {"\342\202(", "\357\277\275(", 1},
        {"\342(\241", "\357\277\275(\357\277\275", 2},
        {"\342\202\342\202\254", "\357\277\275\342\202\254", 1},
        {"\355\240\200", "\357\277\275\357\277\275\357\277\275", 3},
        {"\355\277\277", "\357\277\275\357\277\275\357\277\275", 3},
        {"\355\240\275\355\270\200", "\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275", 6},
        {"\355\237", "\357\277\275", 1},
        {"\360", "\357\277\275", 1},
        {"\360\200\200\200", "\357\277\275\357\277\275\357\277\275\357\277\275", 4},
        {"\360\217\277\277", "\357\277\275\357\277\275\357\277\275\357\277\275", 4},
        {"\360\237\230", "\357\277\275", 1},
        {"\360\237\230(", "\357\277\275(", 1},
        {"\360\237(\230", "\357\277\275(\357\277\275", 2},
        {"\360\220\360\237\230\200", "\357\277\275\360\237\230\200", 1},
        {"\364\217\277", "\357\277\275", 1},
        {"\364\220\200\200", "\357\277\275\357\277\275\357\277\275\357\277\275", 4},
        {"\365\200\200\200", "\357\277\275\357\277\275\357\277\275\357\277\275", 4},
        {"\370\210\200\200\200", "\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275", 5},
        {"\374\204\200\200\200\200", "\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275\357\277\275", 6},
        {"\376", "\357\277\275", 1},
        {"\377\377", "\357\277\275\357\277\275", 2},
        {"\361\200\341\200\302b\200c\200\277d",
         "\357\277\275\357\277\275\357\277\275b\357\277\275c\357\277\275\357\277\275d", 6},
    };
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        str file = {0};
        str_fmt(&file, "a,b\n%s,x\ny,%s", part[i].bytes, part[i].bytes);
        table t;
        err e = {0};
        int64_t rows, line;
        assert_int_equal(table_parse(&t, "f", file.p, file.n, TABLE_REFUSE, &e), E_FORMAT);
        assert_int_equal(table_parse(&t, "f", file.p, file.n, TABLE_REPLACE, &e), OK);
        expect_cell(&t, 0, "a", CELL_TEXT, part[i].text);
        expect_cell(&t, 0, "b", CELL_TEXT, "x");
        expect_cell(&t, 1, "b", CELL_TEXT, part[i].text);
        assert_int_equal(table_replaced(&t, &rows, &line), 2 * part[i].n);
        assert_int_equal(rows, 2);
        assert_int_equal(line, 2);
        table_close(&t);
        str_free(&file);
    }
}

static void replaced_are_counted_by_row(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":\"1\"}\n{\"a\":\"\xff\xff\"}\n\n{\"a\":\"\xe9\"}\n";
    table t;
    err e = {0};
    int64_t rows, line;
    assert_int_equal(table_parse(&t, "f", text, strlen(text), TABLE_REPLACE, &e), OK);
    assert_int_equal(table_replaced(&t, &rows, &line), 3);
    assert_int_equal(rows, 2);
    assert_int_equal(line, 2);
    table_keep(&t, (const uint8_t[]){1, 0, 1});
    assert_int_equal(table_replaced(&t, &rows, &line), 1);
    assert_int_equal(rows, 1);
    assert_int_equal(line, 4);
    table_close(&t);
    assert_int_equal(table_parse(&t, "f", "a\xff\n1\n", 5, TABLE_REPLACE, &e), OK);
    assert_int_equal(table_replaced(&t, &rows, &line), 1);
    assert_int_equal(line, 1);
    table_close(&t);
    assert_int_equal(table_parse(&t, "f", "a\n\xff\0", 4, TABLE_REPLACE, &e), E_FORMAT);
    assert_string_equal(e.msg, "f:2:2: a NUL byte; a data file has to be text");
    e = (err){0};
    assert_int_equal(table_parse(&t, "f", "\xff\xfe" "a\n", 4, TABLE_REPLACE, &e), E_FORMAT);
    assert_string_equal(e.msg, "f: is UTF-16; save it as UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_follows_the_rfc),
        cmocka_unit_test(csv_small_forms),
        cmocka_unit_test(tsv_is_told_by_its_header),
        cmocka_unit_test(jsonl_keeps_what_is_written),
        cmocka_unit_test(json_array_knows_its_lines),
        cmocka_unit_test(json_array_of_arrays),
        cmocka_unit_test(csv_refusals),
        cmocka_unit_test(json_refusals),
        cmocka_unit_test(file_refusals),
        cmocka_unit_test(limits),
        cmocka_unit_test(broken_parts_are_replaced),
        cmocka_unit_test(replaced_are_counted_by_row),
        cmocka_unit_test(fields_in_messages),
        cmocka_unit_test(many_rows_from_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

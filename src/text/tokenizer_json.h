/* tokenizer_json.h -- shared by the files that read a tokenizer.json: a place in the document, so that
 * whatever is refused is named ("tokenizer.json: pre_tokenizer.pretokenizers[1].type"). */
#ifndef TEXT_TOKENIZER_JSON_H
#define TEXT_TOKENIZER_JSON_H

#include "base/json.h"
#include "text/tokenizer_impl.h"

typedef struct place {
    const char *file, *path;
    tokenizer *t; /* being read; paths live on its arena */
    err *e;       /* never NULL, no failure yet when reading begins */
} place;

/* path "normalizer" and key "type": normalizer.type; with an index: normalizer[2]. */
place place_in(place p, const char *key);
place place_at(place p, size_t index);
const char *place_text(place p); /* "FILE: PATH" */

int place_refuse(place p, const char *what); /* E_UNSUPPORTED */
int place_wrong(place p, const char *what);  /* E_FORMAT: what it has to be */

/* An object's "type"; NULL and a failure when o is none or has none. */
const char *type_of(place p, const json_t *o);
/* E_UNSUPPORTED for a member that is not in the list ("type prepend"): it might change the ids. */
int only_keys(place p, const json_t *o, const char *keys);
bool flag_in(place p, const json_t *o, const char *key, bool otherwise);
/* A text with its length; p NULL and a failure unless it is one. */
span text_in(place p, const json_t *o, const char *key);
/* {"String": ...} or {"Regex": ...}, made into a regular expression that is appended to out. */
int pattern_in(place p, const json_t *o, str *out);

/* fn over the items of a Sequence's list, or over o itself when it is no Sequence; each has a "type". */
typedef int part_fn(place p, const json_t *o, void *arg);
int each_part(place p, const json_t *o, const char *list, part_fn *fn, void *arg);

/* The parts, each a file tokenizer_json_*.c. byte_level: the pre-tokenizer writes bytes as letters. */
int read_normalizer(place p, const json_t *o);
int read_pre_tokenizer(place p, const json_t *o, bool *byte_level);
int read_post_processor(place p, const json_t *o);
int read_decoder(place p, const json_t *o, bool byte_level);

/* The models; extra: the added tokens, which need ids too. */
typedef struct added_list {
    place at;
    const json_t *list;
} added_list;
int read_bpe(place p, const json_t *model, added_list extra, bool byte_level);
int read_unigram(place p, const json_t *model, added_list extra);
int read_wordpiece(place p, const json_t *model, added_list extra);
int read_wordlevel(place p, const json_t *model, added_list extra);

/* Ids of words and added tokens: one more than the greatest (tokenizer_json.c). words is an object of ids, or
 * NULL for `first` ids from 0 on. */
int count_ids(place p, const json_t *words, size_t first, added_list extra, int64_t *size);
int put_words(place p, const json_t *words, bool byte_fallback);
int read_added(added_list extra);

#endif

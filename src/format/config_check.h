/* config_check.h -- what the readers of configurations share; not for other folders. */
#ifndef FORMAT_CONFIG_CHECK_H
#define FORMAT_CONFIG_CHECK_H

#include "format/config.h"
#include "format/gguf_parts.h"

/* What a family's own reader (family.read) reads from: one of the two is NULL. */
typedef struct family_source {
    const json_t *json; /* config.json */
    const gguf   *gguf; /* the file with the keys */
    const gguf_parts *parts; /* of it: where the tensors are */
    const char   *where;
    err          *e;
} family_source;

/* ARCHITECTURE.leaf of a GGUF file. */
int64_t config_gguf_int(const model_config *c, const family_source *s, const char *leaf, int64_t otherwise);
double  config_gguf_num(const model_config *c, const family_source *s, const char *leaf, double otherwise);

/* Of family.read: a key of config.json, or its counterpart in GGUF (either NULL: the format has none); a flag of
 * config.json alone; and what is said of an option that is not supported. */
int64_t config_whole(const model_config *c, const family_source *s, const char *key, const char *leaf,
                     int64_t otherwise);
double  config_number(const model_config *c, const family_source *s, const char *key, const char *leaf,
                      double otherwise);
bool    config_flag(const family_source *s, const char *key, bool otherwise);
void    config_refuse(const family_source *s, const char *what);
/* Four times the width, where a file does not say how wide the feed-forward block is. */
int64_t config_four_times(int64_t n);
/* Sets c->act by config.json's `key`, or to the family's. */
void    config_read_act(model_config *c, const family_source *s, const char *key);

/* Sets c->family and c->architecture; f NULL: E_UNSUPPORTED lists those there are. name NULL: the file does
 * not say. */
int     config_choose_family(model_config *c, const family *f, const char *name, const char *where, err *e);
/* What a family is where no file says anything, before the readers. */
void    config_defaults(model_config *c);
int     config_check(const model_config *c, const char *where, err *e);
/* width / heads for files that do not say; 0 with e set when that is no whole number. */
int64_t config_head_dim(const model_config *c, const char *where, err *e);
/* Of family.read: heads are width / heads wide and each has its own key, whatever config.json says besides; a
 * GGUF file that says otherwise is refused. */
void    config_plain_heads(model_config *c, const family_source *s);
void    config_add_eos(model_config *c, int64_t id); /* once; more than CONFIG_MAX_EOS are left out */

/* Models that see images: the one after i others (NULL: there are no more), or by model_type; and the
 * configuration of the text model in one, as a file of the text model alone would have it: the caller's to release,
 * NULL with e set. */
const config_wrapper *config_wrapper_at(size_t i);
const config_wrapper *config_wrapper_find(const char *name);
json_t *config_of_text(const config_wrapper *w, const json_t *config, const char *where, err *e);

/* Sets c->act by its name in config.json; one that is not known is refused by name. */
int     config_find_act(model_config *c, const char *name, const char *where, err *e);

/* Marks the layers that "layer_types" of config.json says see a window; false when the file has no such list. */
bool    config_read_layer_types(model_config *c, const json_t *o, const char *where, err *e);

/* Marks the layers that see a window of c->window, by the family's rule; `from` and `pattern` are its
 * numbers. */
void    config_windows(model_config *c, int64_t from, int64_t pattern);
void    config_mark(uint8_t *bits, int64_t layer);
/* Marks the layers that have no rotary positions because they see no window. */
void    config_unrotate(model_config *c);

/* Rotary positions of config.json: base, scaling, the part of a head; and of a GGUF file. */
int     config_read_rope(model_config *c, const json_t *o, const char *where, err *e);
int     config_gguf_rope(model_config *c, const family_source *s);
/* What it drops while it is trained. */
void    config_read_dropout(model_config *c, const json_t *o);
/* The magnitude that goes with YARN, and with longrope, where the file does not name one. */
double  config_yarn_magnitude(double factor, double scale);
double  config_long_magnitude(double factor, int64_t original);

#endif

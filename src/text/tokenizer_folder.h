/* tokenizer_folder.h -- shared by the files that read what lies in a folder without tokenizer.json. */
#ifndef TEXT_TOKENIZER_FOLDER_H
#define TEXT_TOKENIZER_FOLDER_H

#include "base/json.h"
#include "text/pieces.h"

/* tokenizer_model.c: the pieces of a .model, which point into data; the caller frees s->p. */
int pieces_read(pieces *s, const char *data, size_t n, const char *where, err *e);

/* tokenizer_tiktoken.c: `name` is the file's own name and says how text is cut. */
int tokenizer_from_tiktoken(tokenizer **out, const char *data, size_t n, const char *name, const char *where,
                            err *e);
const char *const *tiktoken_names(void); /* ends with NULL */

/* tokenizer_json.c: keeps nothing of doc. */
int tokenizer_from_doc(tokenizer **out, const json_t *doc, const char *where, err *e);

/* tokenizer_files.c: a tokenizer.json made of vocab.json and merges.txt, or of vocab.txt, as the
 * tokenizer_class of `config` (tokenizer_config.json; NULL: none) means them. NULL with e set; E_IO when
 * there are no such files. */
json_t *tokenizer_doc_of_files(const char *folder, const json_t *config, err *e);

#endif

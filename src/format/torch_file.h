/* torch_file.h -- reads what torch.save() wrote of a dictionary of tensors: pytorch_model.bin.
 *
 *   since 1.6    a zip archive of stored (not compressed) files: NAME/data.pkl, the pickle, NAME/data/KEY,
 *                the numbers of each storage, and NAME/byteorder
 *   before       pickles one after the other: a magic number, 1001, facts of the machine, the dictionary, the
 *                list of the storages' keys; then for each of those u64 count and its numbers
 *
 * Nothing in the file is executed (torch_pickle.h). Tensors have to be stored whole and in order. */
#ifndef FORMAT_TORCH_FILE_H
#define FORMAT_TORCH_FILE_H

#include "tensor/tensor.h"

typedef struct torch_file torch_file;

/* Maps the file; views live as long as it. */
int  torch_file_open(torch_file **out, const char *path, err *e);
/* The same over n bytes that the caller keeps. */
int  torch_file_parse(torch_file **out, const uint8_t *data, size_t n, const char *where, err *e);
void torch_file_close(torch_file *f); /* NULL is fine */

/* Tensors in the order of the dictionary; data is aligned to the element (copied where the file's is not). */
int64_t       torch_file_count(const torch_file *f);
const tensor *torch_file_at(const torch_file *f, int64_t i);
const tensor *torch_file_find(const torch_file *f, const char *name); /* NULL: not there */

#endif

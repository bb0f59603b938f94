/* torch_pickle.h -- the part of Python's pickle format (protocol 2) that torch.save() writes for a dictionary
 * of tensors, as data: nothing is ever called or imported.
 *
 * A pickle is a program for a machine with a stack and a memo; its opcodes push numbers, texts, tuples, lists
 * and dictionaries, name Python objects (GLOBAL) and call them (REDUCE). Of those names only the few that
 * rebuild tensors and ordered dictionaries are known, and they are not called but understood: any other name,
 * opcode or argument is an error that says which. Source: the pickletools module of Python,
 * torch/serialization.py. */
#ifndef FORMAT_TORCH_PICKLE_H
#define FORMAT_TORCH_PICKLE_H

#include "base/arena.h"
#include "tensor/tensor.h"

#include <stdint.h>

typedef enum pickle_kind {
    PICKLE_NONE, PICKLE_BOOL, PICKLE_INT, PICKLE_TEXT, PICKLE_TUPLE, PICKLE_LIST, PICKLE_DICT,
    PICKLE_GLOBAL,  /* a name that is known */
    PICKLE_STORAGE, /* numbers kept outside the pickle */
    PICKLE_TENSOR, PICKLE_MARK
} pickle_kind;

/* Numbers of a type: `key` says where the file has them. */
typedef struct pickle_storage {
    const char *key;
    dtype       type;
    int64_t     count;
} pickle_storage;

typedef struct pickle_tensor {
    const pickle_storage *storage;
    int64_t offset; /* in elements */
    int     ndim;
    int64_t dim[TENSOR_DIMS], stride[TENSOR_DIMS];
} pickle_tensor;

typedef struct pickle_value pickle_value;
typedef struct pickle_list {
    pickle_value *v; /* of a dictionary: key, value, key, value, ... */
    int64_t n, cap;
} pickle_list;

struct pickle_value {
    pickle_kind kind;
    int64_t     number; /* INT, BOOL; of a GLOBAL: which */
    const char *text;
    pickle_list *list;
    const pickle_storage *storage;
    const pickle_tensor  *tensor;
};

/* Runs the pickle at the start of the n bytes; *used is its length. All that *out points to is on mem.
 * `where` is for messages. E_FORMAT: damaged; E_UNSUPPORTED: names or builds something that is no tensor. */
int pickle_load(pickle_value *out, const uint8_t *data, size_t n, size_t *used, arena *mem, const char *where,
                err *e);

#endif

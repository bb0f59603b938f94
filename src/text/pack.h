/* pack.h -- documents into bins of equal capacity, as few as best-fit decreasing needs. */
#ifndef TEXT_PACK_H
#define TEXT_PACK_H

#include <stdint.h>

/* Lengths from 1 to capacity, longest first; bin[i] becomes the bin of document i, bins numbered in the
 * order they are opened. Each document goes to the fullest bin with room for it, of equally full ones to
 * the one that was last added to. Returns the number of bins. */
int64_t pack_best_fit(const int64_t *length, int64_t n, int64_t capacity, int64_t *bin);

#endif

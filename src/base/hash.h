/* hash.h -- 64 bits of some bytes, to tell gigabytes apart as fast as memory gives them.
 *
 * Eight lanes take turns at the words of 8 bytes: lane = fold((lane ^ word) * M), the fold being the low half of the
 * 128-bit product xor its high half, so that every bit of a word reaches all of its lane. What is shorter than a
 * word, and the length, are words of their own. Contents that differ agree with odds of 2^-64. It keeps no secrets:
 * who wants two contents with one hash can make them. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Of the bytes, going on from h: hash_add(hash_add(0, a), b) is that of a and then b. */
uint64_t hash_add(uint64_t h, const void *p, size_t n);

#endif

/* keep_folder.h -- the folder of keep.h: what lies in it, and what has to go. */
#ifndef MODEL_KEEP_FOLDER_H
#define MODEL_KEEP_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEEP_ENDING ".weights"
#define KEEP_TEMPORARY "unfinished-"

/* Removes files of the two kinds, the oldest first, until `bytes` more make no more than `most`. False: the disk has
 * less left than that. Nothing else in the folder is touched; an unfinished file counts, so
 * that what a kill left behind goes in its turn. */
bool keep_make_room(const char *folder, size_t bytes, int64_t most);

#endif

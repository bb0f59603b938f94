/* snapshot_file.h -- the two files of a snapshot that are its own; for snapshot.c. */
#ifndef TRAIN_SNAPSHOT_FILE_H
#define TRAIN_SNAPSHOT_FILE_H

#include "train/snapshot.h"

int snapshot_write_moments(const char *folder, const snapshot *s, err *e);
int snapshot_write_state(const char *folder, const snapshot *s, err *e);

#endif

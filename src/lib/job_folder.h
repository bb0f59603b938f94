/* job_folder.h -- the run folder of `lorac train`: may it be used, and what is written beside the adapter.
 *
 * run.json: {"lorac": version, "command": "train", "options": {name: {"value", "origin"}}, "model": {"path",
 * "fingerprint", "architecture", "parameters"}, "data": [{"path", "fingerprint", "bytes", "rows"}], "seed",
 * "machine": {"processor", "cores", "threads", "device"}, "result": {...} once it is finished}. */
#ifndef LIB_JOB_FOLDER_H
#define LIB_JOB_FOLDER_H

#include "lib/job_open.h"

/* Makes output_dir. E_USAGE when a run lies there that is neither resumed nor to be overwritten, E_IO when
 * nothing can be written there. *resume: the checkpoint to go on from, on the heap, or NULL. */
int job_folder_open(const options *o, char **resume, err *e);

/* overwrite_output_dir: removes the checkpoints of the run that was there before. */
int job_folder_clear(const options *o, err *e);

/* What run.json says of a data file: path, size, 64-bit hash over its bytes, rows. */
json_t *job_data_json(const char *path, const char *bytes, size_t n, int64_t rows);

/* data: an array, whose reference is taken. result: NULL while the run goes on. */
json_t *job_run_json(const options *o, const job_model *j, json_t *data, const json_t *result);

/* README.md, a model card. */
int job_card_write(const options *o, const job_model *j, const json_t *run_json, err *e);

#endif

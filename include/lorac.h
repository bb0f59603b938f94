/* lorac.h -- fine-tuning of language models with LoRA and QLoRA: the library.
 *
 * A job is one command of the program with its options, which have the same names and defaults as on the
 * command line (`lorac train --help`):
 *
 *     char why[LORAC_ERROR];
 *     lorac_job *job = lorac_job_new("train");
 *     if (lorac_job_set(job, "model", "model.gguf", why) < 0 || lorac_job_set(job, "data", "rows.csv", why) < 0 ||
 *         lorac_job_set(job, "output_dir", "run", why) < 0 || lorac_job_run(job, NULL, NULL, why) < 0)
 *         fprintf(stderr, "%s\n", why);
 *     else
 *         puts(lorac_job_result(job));
 *     lorac_job_free(job);
 *
 * The library prints nothing, never ends the process and keeps no global state: jobs in different threads do not
 * disturb each other. What a job quantizes is kept on disk for the next (option "cache_dir"; "none": nowhere).
 * Functions that can fail return 0 or a negative code and then leave one line in `error`, a buffer of LORAC_ERROR
 * bytes of the caller's, which may be NULL. */
#ifndef LORAC_H
#define LORAC_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LORAC_API __attribute__((visibility("default")))
#else
#define LORAC_API
#endif

enum { LORAC_ERROR = 1024 };

/* Codes. */
enum {
    LORAC_OK = 0,
    LORAC_MEMORY = -1,      /* not enough memory */
    LORAC_IO = -2,          /* a file cannot be read or written */
    LORAC_FORMAT = -3,      /* a file is not what it claims to be */
    LORAC_UNSUPPORTED = -4, /* a valid thing that this version does not do */
    LORAC_USAGE = -5,       /* options that make no sense */
    LORAC_NUMERIC = -6,     /* a NaN or an infinity while training */
    LORAC_STOPPED = -7,     /* stopped by lorac_job_stop(), after saving */
};

typedef struct lorac_job lorac_job;

/* Progress, on the thread that runs the job. event "step": where long work stands, {"what": "train", "step": 3,
 * "steps": 100, "loss": ..., ...} with what is known; "message": one line for people, a JSON string; "text": a piece
 * of generated text as it is. */
typedef void lorac_progress(void *user, const char *event, const char *value);

/* command: "train", "eval", "generate", "data", "info", "tune" or "bench". NULL when there is no such command. */
LORAC_API lorac_job *lorac_job_new(const char *command);
LORAC_API void       lorac_job_free(lorac_job *job); /* NULL is fine */

/* One option, by the name and with the value it has on the command line or, as text, in a YAML file. What is set
 * later wins; "config" reads its file at once. */
LORAC_API int lorac_job_set(lorac_job *job, const char *name, const char *value, char *error);

/* Does the work. progress may be NULL. */
LORAC_API int lorac_job_run(lorac_job *job, lorac_progress *progress, void *user, char *error);

/* Asks a running job to save and return LORAC_STOPPED; may be called from another thread or a signal handler. */
LORAC_API void lorac_job_stop(lorac_job *job);

/* The result of the last successful run as JSON, with the keys that `--json` prints. Valid until the next run or
 * lorac_job_free(); NULL before. */
LORAC_API const char *lorac_job_result(const lorac_job *job);

LORAC_API const char *lorac_version(void);

#ifdef __cplusplus
}
#endif
#endif

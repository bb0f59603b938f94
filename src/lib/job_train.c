/* job_train.c -- fine-tuning: one trial over a stock of its own. */
#include "lib/trial.h"

int job_train(const options *o, const job_hooks *h, json_t **out, err *e)
{
    trial *t = NULL;
    stock *s = stock_new(o, h);
    *out = NULL;
    int bad = trial_open(&t, s, o, h, e);
    if (!bad) {
        trial_tell_plan(t);
        bad = trial_run(t, NULL, out, e);
    }
    trial_close(t);
    stock_free(s);
    return job_advise(bad,
                      "lower per_device_train_batch_size or max_length, or use gradient_checkpointing or "
                      "--quantization nf4",
                      e);
}

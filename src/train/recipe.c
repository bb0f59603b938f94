/* recipe.c -- see recipe.h. */
#include "train/recipe.h"

typedef struct range {
    const char *name;
    double value, least, most;
} range;

static int check_ranges(const range *r, int n, err *e)
{
    for (int i = 0; i < n; i++)
        if (!(r[i].value >= r[i].least && r[i].value <= r[i].most))
            return fail(e, E_USAGE, "%s %g: has to be between %g and %g", r[i].name, r[i].value, r[i].least,
                        r[i].most);
    return OK;
}

int recipe_check(const recipe *r, err *e)
{
    const double huge = 1e12, below_one = 1 - 0x1p-24;
    const range all[] = {
        {"learning_rate", r->learning_rate, 0, 1e6},
        {"weight_decay", r->weight_decay, 0, 1e6},
        {"adam_beta1", r->adam_beta1, 0, below_one},
        {"adam_beta2", r->adam_beta2, 0, below_one},
        {"adam_epsilon", r->adam_epsilon, 0, 1},
        {"max_grad_norm", r->max_grad_norm, 0, huge},
        {"loraplus_lr_ratio", r->loraplus_lr_ratio, 0, 1e6},
        {"warmup_ratio", r->warmup_ratio, 0, 1},
        {"warmup_steps", r->warmup_steps, 0, huge},
        {"num_train_epochs", r->num_train_epochs, 0, 1e9},
        {"max_steps", (double)r->max_steps, -1, huge},
        {"per_device_train_batch_size", (double)r->per_device_train_batch_size, 1, 1 << 20},
        {"per_device_eval_batch_size", (double)r->per_device_eval_batch_size, 1, 1 << 20},
        {"gradient_accumulation_steps", (double)r->gradient_accumulation_steps, 1, 1 << 20},
        {"max_length", (double)r->max_length, 1, INT32_MAX},
        {"logging_steps", (double)r->logging_steps, 1, huge},
        {"eval_steps", (double)r->eval_steps, 0, huge},
        {"save_steps", (double)r->save_steps, r->save_strategy == WHEN_STEPS ? 1 : 0, huge},
        {"save_total_limit", (double)r->save_total_limit, 0, huge},
    };
    int code = check_ranges(all, (int)(sizeof all / sizeof *all), e);
    if (code == OK && r->load_best_model_at_end && r->eval_strategy == WHEN_NO)
        code = fail(e, E_USAGE, "load_best_model_at_end: needs eval_strategy steps or epoch");
    return code;
}

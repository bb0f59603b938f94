/* job_bench.c -- this machine's peaks, and training steps measured against them: where the time goes by
 * operator, tokens a second, and the share of the peak that the necessary operations reach. */
#include "base/clock.h"
#include "base/cpu.h"
#include "lib/bench_shape.h"
#include "lib/job_open.h"
#include "model/step.h"

#include <stdlib.h>
#include <string.h>

typedef struct bench {
    device *device;
    model *model; /* opened or made */
    bool made;
    adapter *adapter;
    step *step;
    int32_t *ints; /* ids, positions, start, gather, target: tokens each */
    float *weight;
    double seconds[2 * OP_COUNT];
} bench;

static int open_model(bench *b, const options *o, const job_hooks *h, err *e)
{
    int bad = job_device_open(&b->device, o, e);
    if (bad) return bad;
    b->made = !o->model;
    if (b->made)
        return bench_shape_new(&b->model, o->shape, o->quantization,
                               o->double_quant ? ABSMAX_DOUBLE : ABSMAX_PLAIN, e);
    if ((bad = job_exists(o->model, "model", e))) return bad;
    static const model_head none = {TASK_CAUSAL_LM, OBJECTIVE_CLASS, 0};
    bad = job_base_open(&b->model, o, o, &none, device_pool(b->device), h, e);
    if (bad || !b->model->config->encoder_layers) return bad;
    return fail(e, E_UNSUPPORTED,
                "%s: %s has an encoder and a decoder, which lorac bench does not measure; lorac train --profile "
                "true does",
                o->model, b->model->config->architecture);
}

static int make_step(bench *b, const options *o, err *e)
{
    peft_config config = {.r = o->lora_r, .alpha = 2.0 * (double)o->lora_r, .target_regex = "all-linear"};
    int bad = adapter_new(&b->adapter, b->model, &config, 42, e);
    step_size size = {.tokens = o->bench_tokens,
                      .labels = o->bench_tokens,
                      .keep = o->checkpointing ? REDO_BLOCKS : KEEP_ALL,
                      .redo_blocks = o->checkpointing ? (int)b->model->config->layers : 0};
    return bad ? bad : step_new(&b->step, b->model, b->adapter, STEP_TRAIN, &size, b->device, e);
}

/* Rows of equal length, as many as per_device_train_batch_size, every token a label but the last of each. */
static step_input make_input(bench *b, const options *o)
{
    int64_t n = o->bench_tokens, rows = o->train_batch < n / 2 ? o->train_batch : n / 2, length = n / rows,
            labels = 0;
    int32_t *p = b->ints = xcalloc((size_t)(5 * n), sizeof *p);
    b->weight = xcalloc((size_t)n, sizeof *b->weight);
    for (int64_t i = 0; i < n; i++) {
        int64_t place = i / length < rows ? i % length : i - (rows - 1) * length;
        p[i] = (int32_t)((i * 7919 + 11) % b->model->config->vocab);
        p[n + i] = (int32_t)place;
        p[2 * n + i] = (int32_t)(i - place);
    }
    for (int64_t i = 0; i + 1 < n; i++) {
        if (p[n + i + 1] == 0) continue;
        p[3 * n + labels] = (int32_t)i;
        p[4 * n + labels] = p[i + 1];
        b->weight[labels++] = 1.0f / (float)n;
    }
    return (step_input){.tokens = n,
                        .labels = labels,
                        .ids = p,
                        .positions = p + n,
                        .start = p + 2 * n,
                        .gather = p + 3 * n,
                        .target = p + 4 * n,
                        .weight = b->weight};
}

static int measure(bench *b, const options *o, const job_hooks *h, json_t *out, err *e)
{
    step_input in = make_input(b, o);
    double peak = device_peak(b->device, COMPUTE_F32), bandwidth = device_peak_bandwidth(b->device);
    step_run(b->step, &in, 1); /* brings the weights into memory */
    step_profile(b->step, b->seconds);
    double began = clock_seconds();
    for (int64_t i = 0; i < o->bench_steps; i++) {
        step_run(b->step, &in, (uint64_t)i + 2);
        if (h && h->stop && *h->stop) return fail(e, E_STOPPED, "stopped");
        job_progress p = {"bench", i + 1, o->bench_steps, step_loss(b->step), -1, -1, -1, -1, -1};
        if (h && h->progress) h->progress(h->arg, &p);
    }
    double seconds = clock_seconds() - began, steps = (double)o->bench_steps,
           flops = step_operations(b->step);
    json_object_set_new(out, "peak_flops", json_real(peak));
    json_object_set_new(out, "peak_i16", json_real(device_peak(b->device, COMPUTE_I16)));
    json_object_set_new(out, "peak_i8", json_real(device_peak(b->device, COMPUTE_I8)));
    json_object_set_new(out, "peak_bandwidth", json_real(bandwidth));
    json_object_set_new(out, "tokens", json_integer(o->bench_tokens));
    json_object_set_new(out, "steps", json_integer(o->bench_steps));
    json_object_set_new(out, "seconds_per_step", json_real(seconds / steps));
    json_object_set_new(out, "tokens_per_second", json_real((double)o->bench_tokens * steps / seconds));
    json_object_set_new(out, "flops_per_step", json_real(flops));
    json_object_set_new(out, "speed_of_light", json_real(flops * steps / seconds / peak));
    step_memory memory = step_memory_of(b->step);
    json_object_set_new(out, "slab_bytes", json_integer((json_int_t)memory.slab));
    json_object_set_new(out, "operators", job_profile(b->seconds, seconds, NO_REST));
    return OK;
}

int job_bench(const options *o, const job_hooks *h, json_t **out, err *e)
{
    bench b = {0};
    *out = NULL;
    int bad = open_model(&b, o, h, e);
    if (!bad) bad = make_step(&b, o, e);
    if (!bad) {
        *out = json_pack("{s:s, s:s, s:s, s:s, s:i, s:I}", "model", o->model ? o->model : o->shape, "device",
                         device_name(b.device), "compute", compute_name(device_compute(b.device)),
                         "processor", cpu_model(), "threads", device_threads(b.device), "parameters",
                         (json_int_t)b.model->parameters);
        bad = measure(&b, o, h, *out, e);
    }
    if (bad) {
        json_decref(*out);
        *out = NULL;
    }
    step_free(b.step);
    adapter_close(b.adapter);
    if (b.made)
        bench_shape_free(b.model);
    else
        model_close(b.model);
    device_close(b.device);
    free(b.ints);
    free(b.weight);
    return job_advise(bad, "lower --tokens, or measure a smaller --shape", e);
}

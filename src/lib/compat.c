/* compat.c -- see compat.h. `accepted` lists the values that pass, separated by spaces; "*" is any. */
#include "lib/compat.h"

#include <string.h>

typedef enum compat_kind { CHECK, CHECK_FLAG, BITS4, BITS8, BITS4_TYPE, BITS4_DOUBLE } compat_kind;

typedef struct compat_row {
    const char *key, *accepted, *advice;
    compat_kind kind;
} compat_row;

#define F32_ONLY "training computes in 32-bit floats; leave it out (--quantization bf16 halves the weights)"
#define PLAIN_LORA "only plain LoRA is trained"
#define LOCAL "nothing is downloaded; give a local file or folder"

static const compat_row compat_table[] = {
    /* quantization */
    {"load_in_4bit", NULL, NULL, BITS4},
    {"load_in_8bit", NULL, NULL, BITS8},
    {"bnb_4bit_quant_type", "nf4 fp4", "it is nf4 or fp4", BITS4_TYPE},
    {"bnb_4bit_use_double_quant", NULL, NULL, BITS4_DOUBLE},
    {"use_bnb_nested_quant", NULL, NULL, BITS4_DOUBLE},
    {"bnb_4bit_compute_dtype", "float32 auto", "computation is in float32; leave it out", CHECK},
    {"bnb_4bit_quant_storage", "uint8", "it is always uint8; leave it out", CHECK},
    {"llm_int8_threshold", "0 0.0 6.0 6", "outliers are not treated apart; leave it out", CHECK},
    /* model */
    {"dtype", "auto float32 fp32", F32_ONLY, CHECK},
    {"torch_dtype", "auto float32 fp32", F32_ONLY, CHECK},
    {"model_revision", "main", LOCAL, CHECK},
    {"trust_remote_code", "false true", "", CHECK_FLAG},
    {"attn_implementation", "*", "", CHECK},
    {"model_init_kwargs", "{}", "leave it out", CHECK},
    {"use_cache", "*", "", CHECK_FLAG},
    /* adapter */
    {"use_peft", "true", "only adapters are trained; set it to true", CHECK_FLAG},
    {"peft_type", "LORA", PLAIN_LORA, CHECK},
    {"lora_target_parameters", "[]", "name projections with lora_target_modules", CHECK},
    {"lora_bias", "none false", "biases are not trained", CHECK},
    {"bias", "none", "biases are not trained", CHECK},
    {"use_dora", "false", PLAIN_LORA "; leave it out", CHECK_FLAG},
    {"init_lora_weights", "true", "A starts uniform and B at zero; leave it out", CHECK},
    {"fan_in_fan_out", "false", "", CHECK_FLAG},
    /* data */
    {"dataset_config", "default", LOCAL, CHECK},
    {"dataset_train_split", "train", "give the file of the split with --data", CHECK},
    {"dataset_test_split", "test", "give the rows to evaluate on with --eval-data", CHECK},
    {"dataset_streaming", "false", "the file is read whole", CHECK_FLAG},
    {"dataset_num_proc", "*", "", CHECK},
    {"dataset_kwargs", "{}", "leave it out", CHECK},
    {"datasets", "[]", "give one file with --data", CHECK},
    {"shuffle_dataset", "false", "rows are shuffled each epoch; see train_sampling_strategy", CHECK_FLAG},
    {"truncation_mode", "keep_start", "the start of a row is kept", CHECK},
    {"packing_strategy", "bfd", "rows are packed by best fit, never split", CHECK},
    {"eval_packing", "false true", "", CHECK_FLAG},
    {"padding_free", "true false", "", CHECK_FLAG},
    {"pad_to_multiple_of", "*", "", CHECK},
    {"pad_token", "*", "", CHECK},
    {"eos_token", "", "the tokenizer's own is used; leave it out", CHECK},
    {"remove_unused_columns", "true false", "", CHECK_FLAG},
    {"group_by_length", "false", "use --train_sampling_strategy group_by_length", CHECK_FLAG},
    /* training */
    {"bf16", "false", F32_ONLY, CHECK_FLAG},
    {"fp16", "false", F32_ONLY, CHECK_FLAG},
    {"tf32", "false", F32_ONLY, CHECK_FLAG},
    {"bf16_full_eval", "false", F32_ONLY, CHECK_FLAG},
    {"fp16_full_eval", "false", F32_ONLY, CHECK_FLAG},
    {"optim", "adamw_torch adamw_torch_fused adamw_hf adamw",
     "AdamW with 32-bit moments is what there is; "
     "write adamw_torch",
     CHECK},
    {"optim_args", "", "leave it out", CHECK},
    {"loss_type", "nll chunked_nll", "the loss is the cross entropy of the label tokens (nll)", CHECK},
    {"label_smoothing_factor", "0 0.0", "labels are not smoothed; leave it out", CHECK},
    {"neftune_noise_alpha", "0 0.0", "no noise is added; leave it out", CHECK},
    {"average_tokens_across_devices", "true false", "", CHECK_FLAG},
    {"gradient_checkpointing_kwargs", "*", "", CHECK},
    {"gradient_checkpointing_use_reentrant", "true false", "", CHECK_FLAG},
    {"activation_offloading", "false", "use --gradient-checkpointing to save memory", CHECK_FLAG},
    {"use_liger_kernel", "false", "the kernels are this program's own", CHECK_FLAG},
    {"torch_compile", "false", "there is nothing to compile", CHECK_FLAG},
    {"auto_find_batch_size", "false", "choose per_device_train_batch_size", CHECK_FLAG},
    {"data_seed", "", "the order of the rows follows seed", CHECK},
    {"full_determinism", "true false", "", CHECK_FLAG},
    {"use_cpu", "true", "training runs on the processor", CHECK_FLAG},
    {"no_cuda", "true", "training runs on the processor", CHECK_FLAG},
    {"ddp_find_unused_parameters", "true false", "", CHECK_FLAG},
    {"ddp_timeout", "*", "", CHECK},
    {"deepspeed", "", "training runs on one machine", CHECK},
    {"fsdp", "", "training runs on one machine", CHECK},
    {"dataloader_drop_last", "false", "the last rows are trained too", CHECK_FLAG},
    {"dataloader_num_workers", "*", "", CHECK},
    {"dataloader_pin_memory", "true false", "", CHECK_FLAG},
    {"ignore_data_skip", "false", "a resumed run goes on where it stopped", CHECK_FLAG},
    {"do_train", "true", "use lorac train", CHECK_FLAG},
    {"do_eval", "true false", "", CHECK_FLAG},
    /* logging, evaluation, saving */
    {"report_to", "none [] [\"none\"]",
     "the run's own files are log.jsonl and trainer_state.json; write none", CHECK},
    {"logging_strategy", "steps", "use logging_steps", CHECK},
    {"eval_on_start", "true false", "", CHECK_FLAG},
    {"run_name", "*", "", CHECK},
    {"logging_dir", "*", "", CHECK},
    {"log_level", "*", "", CHECK},
    {"disable_tqdm", "true false", "", CHECK_FLAG},
    {"logging_nan_inf_filter", "true false", "", CHECK_FLAG},
    {"include_num_input_tokens_seen", "*", "", CHECK},
    {"metric_for_best_model", "loss eval_loss", "the best is the one with the lowest eval loss", CHECK},
    {"greater_is_better", "false", "the best is the one with the lowest eval loss", CHECK_FLAG},
    {"save_safetensors", "true", "adapters are written as safetensors", CHECK_FLAG},
    {"save_only_model", "false", "checkpoints hold all that resuming needs", CHECK_FLAG},
    {"push_to_hub", "false", "nothing is uploaded", CHECK_FLAG},
    {"hub_model_id", "", "nothing is uploaded", CHECK},
    {"env", "{}", "set environment variables outside", CHECK},
};
enum { ROWS = sizeof compat_table / sizeof *compat_table };

static const compat_row *find(const char *key)
{
    for (int i = 0; i < ROWS; i++)
        if (option_same_name(compat_table[i].key, key)) return &compat_table[i];
    return NULL;
}

static bool accepted(const char *list, const char *value)
{
    if (!strcmp(list, "*")) return true;
    size_t n = strlen(value);
    int flag = option_bool(value);
    for (const char *p = list; *p; p += *p == ' ') {
        size_t k = strcspn(p, " ");
        if (k == n && !strncasecmp(p, value, n)) return true;
        if (flag >= 0 && k == (flag ? 4 : 5) && !strncmp(p, flag ? "true" : "false", k)) return true;
        p += k;
    }
    return !n && !*list;
}

static int set_bits(options *o, const compat_row *r, const char *value, option_origin from, err *e)
{
    int flag = option_bool(value);
    if (flag < 0) return fail(e, E_USAGE, "%s is true or false, not \"%s\"", r->key, value);
    if (!option_find(o->command, "quantization")) return 1; /* a command that does not open the weights */
    if (r->kind == BITS4_DOUBLE)
        return options_set(o, "double_quant", flag ? "true" : "false", from, e) ? E_USAGE : 1;
    if (r->kind == BITS4) o->bnb.four = flag;
    if (r->kind == BITS8) o->bnb.eight = flag;
    o->bnb.touched = true;
    return 1;
}

int compat_set(options *o, const char *key, const char *value, option_origin from, err *e)
{
    const compat_row *r = find(key);
    if (!r) return 0;
    if (r->kind == BITS4 || r->kind == BITS8 || r->kind == BITS4_DOUBLE)
        return set_bits(o, r, value, from, e);
    if (!accepted(r->accepted, value))
        return fail(e, E_USAGE, "%s %s is not supported: %s", r->key, *value ? value : "\"\"", r->advice);
    if (r->kind == BITS4_TYPE) {
        o->bnb.type = !strcasecmp(value, "fp4") ? "fp4" : "nf4";
        o->bnb.touched = option_find(o->command, "quantization") != NULL;
    }
    return 1;
}

int compat_finish(options *o, option_origin from, bool given, err *e)
{
    if (!o->bnb.touched) return OK;
    o->bnb.touched = false;
    if (o->bnb.four && o->bnb.eight)
        return fail(e, E_USAGE, "load_in_4bit and load_in_8bit contradict each other; keep one");
    const char *type = o->bnb.four ? (o->bnb.type ? o->bnb.type : "nf4") : o->bnb.eight ? "int8" : NULL;
    if (!type) return o->bnb.applied && !given ? options_set(o, "quantization", "as-is", from, e) : OK;
    o->bnb.applied = true;
    if (given && strcasecmp(o->quantization, type))
        return fail(e, E_USAGE, "quantization %s contradicts load_in_%dbit (%s); keep one", o->quantization,
                    o->bnb.four ? 4 : 8, type);
    return options_set(o, "quantization", type, from, e);
}

bool compat_is_flag(const char *key)
{
    const compat_row *r = find(key);
    return r && r->kind != CHECK && r->kind != BITS4_TYPE;
}

const char *compat_key(int i) { return i < ROWS ? compat_table[i].key : NULL; }

/* config_text.c -- models that see images: which there are, and the configuration of the text model in them.
 *
 * Their config.json has the text model's numbers in "text_config", often no more of them than differ from
 * the defaults of its class, and what concerns the whole beside it. Their modules are called
 * model.language_model.*, and what sees is model.vision_tower.* and model.multi_modal_projector.*, or
 * model.visual.*; the files say, depending on the version of transformers that wrote them, that or the older
 * names of the table below (arrange.c). The rotary positions of Qwen's have three parts, which are all the
 * same for text. Sources: configuration_NAME.py and conversion_mapping.py of transformers. */
#include "format/config_check.h"

#include <string.h>

#define LLAVA "language_model.model."
static const config_wrapper all[] = {
    {"gemma3", "Gemma3ForConditionalGeneration", "gemma3_text", NULL, LLAVA, false},
    {"llava", "LlavaForConditionalGeneration", "llama mistral qwen2", NULL, LLAVA, false},
    {"llava_next", "LlavaNextForConditionalGeneration", "llama mistral qwen2", NULL, LLAVA, false},
    {"mistral3", "Mistral3ForConditionalGeneration", "mistral", NULL, LLAVA, false},
    {"qwen2_vl", "Qwen2VLForConditionalGeneration", "qwen2", "qwen2_vl_text", "model.", true},
    {"qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration", "qwen2", "qwen2_5_vl_text", "model.", true},
    {"qwen3_vl", "Qwen3VLForConditionalGeneration", "qwen3", "qwen3_vl_text", "model.", false},
};

const config_wrapper *config_wrapper_at(size_t i) { return i < sizeof all / sizeof *all ? &all[i] : NULL; }

const config_wrapper *config_wrapper_find(const char *name)
{
    for (size_t i = 0; name && config_wrapper_at(i); i++)
        if (!strcmp(all[i].name, name)) return &all[i];
    return NULL;
}

/* What the class of the text model has where a file says nothing, by its model_type. */
static const struct {
    const char *type, *json;
} usual[] = {
    {"gemma3_text", "{\"hidden_size\": 2304, \"intermediate_size\": 9216, \"num_hidden_layers\": 26, "
                    "\"num_attention_heads\": 8, \"num_key_value_heads\": 4, \"vocab_size\": 262208, "
                    "\"max_position_embeddings\": 131072}"},
    {"llama", "{\"hidden_size\": 4096, \"intermediate_size\": 11008, \"num_hidden_layers\": 32, "
              "\"num_attention_heads\": 32, \"vocab_size\": 32000, \"max_position_embeddings\": 2048}"},
    {"mistral", "{\"hidden_size\": 4096, \"intermediate_size\": 14336, \"num_hidden_layers\": 32, "
                "\"num_attention_heads\": 32, \"num_key_value_heads\": 8, \"vocab_size\": 32000, "
                "\"max_position_embeddings\": 131072}"},
    {"qwen2", "{\"hidden_size\": 4096, \"intermediate_size\": 22016, \"num_hidden_layers\": 32, "
              "\"num_attention_heads\": 32, \"num_key_value_heads\": 32, \"vocab_size\": 151936, "
              "\"max_position_embeddings\": 32768}"},
    {"qwen2_vl_text", "{\"hidden_size\": 8192, \"intermediate_size\": 29568, \"num_hidden_layers\": 80, "
                      "\"num_attention_heads\": 64, \"num_key_value_heads\": 8, \"vocab_size\": 152064, "
                      "\"max_position_embeddings\": 32768, \"rms_norm_eps\": 1e-5, \"rope_theta\": 1e6}"},
    {"qwen2_5_vl_text", "{\"hidden_size\": 8192, \"intermediate_size\": 29568, \"num_hidden_layers\": 80, "
                        "\"num_attention_heads\": 64, \"num_key_value_heads\": 8, \"vocab_size\": 152064, "
                        "\"max_position_embeddings\": 32768, \"rms_norm_eps\": 1e-5, \"rope_theta\": 1e6}"},
    {"qwen3_vl_text", "{\"hidden_size\": 4096, \"intermediate_size\": 22016, \"num_hidden_layers\": 32, "
                      "\"num_attention_heads\": 32, \"num_key_value_heads\": 32, \"head_dim\": 128, "
                      "\"vocab_size\": 151936, \"max_position_embeddings\": 128000, \"rope_theta\": 5e5}"},
};

static void put_usual(json_t *text, const char *type)
{
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (strcmp(usual[i].type, type)) continue;
        json_t *of_class = json_loads(usual[i].json, 0, NULL);
        json_object_update_missing(text, of_class);
        json_decref(of_class);
    }
}

/* The family of a text model of that type; NULL with e set. */
static const char *family_of(const config_wrapper *w, const char *type, const char *where, err *e)
{
    if (w->called && !strcmp(type, w->called)) return w->text;
    if (!w->called && family_lists(w->text, type)) return type;
    fail(e, E_UNSUPPORTED, "%s: a %s whose text model is a \"%.60s\" is not supported (%s is)", where,
         w->name, type, w->called ? w->called : w->text);
    return NULL;
}

json_t *config_of_text(const config_wrapper *w, const json_t *config, const char *where, err *e)
{
    static const char *const whole[] = {"tie_word_embeddings", "quantization_config", "eos_token_id",
                                        "bos_token_id", "pad_token_id"};
    const json_t *inner = json_object_get(config, "text_config");
    const bool flat = !inner && w->flat;
    if (!json_is_object(inner) && !flat) {
        fail(e, E_FORMAT, "%s: a %s without \"text_config\"", where, w->name);
        return NULL;
    }
    const char *first = w->called ? w->called : w->text;
    char said[64];
    snprintf(said, sizeof said, "%.*s", (int)strcspn(first, " "), first);
    const char *type = flat ? said : json_text(inner, "model_type", said, where, e);
    const char *name = e->code == OK ? family_of(w, type, where, e) : NULL;
    if (!name) return NULL;
    json_t *text = json_copy((json_t *)(uintptr_t)(flat ? config : inner));
    put_usual(text, type);
    json_object_set_new(text, "model_type", json_string(name));
    json_object_del(text, "architectures");
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        json_t *v = json_object_get(config, whole[i]);
        if (v && !json_is_null(v)) json_object_set(text, whole[i], v);
    }
    return text;
}

const char *config_name_inside(const model_config *c, const char *name, char *out, size_t size)
{
    static const char prefix[] = "model.";
    if (!c->wrapper || strncmp(name, prefix, strlen(prefix))) return name;
    int n = snprintf(out, size, CONFIG_INSIDE ".%s", name + strlen(prefix));
    return n > 0 && (size_t)n < size ? out : name;
}

bool config_is_outside(const model_config *c, const char *name)
{
    static const char *const part[] = {"vision_tower.", "multi_modal_projector.", "visual.", "image_newline"};
    if (!c->wrapper) return false;
    if (!strncmp(name, "model.", strlen("model."))) name += strlen("model.");
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (!strncmp(name, part[i], strlen(part[i]))) return true;
    return false;
}

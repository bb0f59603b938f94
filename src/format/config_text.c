/* config_text.c -- models that see images: which there are, and the configuration of the text model in them.
 *
 * Their config.json has the text model's numbers in "text_config", often no more of them than differ from
 * the defaults of its class, and what concerns the whole beside it. Their modules are called
 * model.language_model.*, model.vision_tower.* and model.multi_modal_projector.*; the files say, depending on
 * the version of transformers that wrote them, that or language_model.model.*, vision_tower.*,
 * multi_modal_projector.* (arrange.c). Sources: configuration_NAME.py and conversion_mapping.py of
 * transformers. */
#include "format/config_check.h"

#include <string.h>

static const config_wrapper all[] = {
    {"gemma3", "Gemma3ForConditionalGeneration", "gemma3_text"},
    {"llava", "LlavaForConditionalGeneration", "llama"},
};

const config_wrapper *config_wrapper_at(size_t i) { return i < sizeof all / sizeof *all ? &all[i] : NULL; }

const config_wrapper *config_wrapper_find(const char *name)
{
    for (size_t i = 0; name && config_wrapper_at(i); i++)
        if (!strcmp(all[i].name, name)) return &all[i];
    return NULL;
}

/* What the class of the text model has where a file says nothing. */
static void put_usual(json_t *text, const char *name)
{
    static const char *const key[] = {"hidden_size",         "intermediate_size", "num_hidden_layers",
                                      "num_attention_heads", "vocab_size",        "max_position_embeddings",
                                      "num_key_value_heads"};
    enum { KEYS = sizeof key / sizeof *key };
    static const struct {
        const char *family;
        int of[KEYS]; /* 0: another key says it */
    } usual[] = {{"gemma3_text", {2304, 9216, 26, 8, 262208, 131072, 4}},
                 {"llama", {4096, 11008, 32, 32, 32000, 2048, 0}}};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        for (size_t k = 0; k < KEYS && !strcmp(usual[i].family, name); k++)
            if (usual[i].of[k] && !json_object_get(text, key[k]))
                json_object_set_new(text, key[k], json_integer(usual[i].of[k]));
}

json_t *config_of_text(const config_wrapper *w, const json_t *config, const char *where, err *e)
{
    static const char *const whole[] = {"tie_word_embeddings", "quantization_config", "eos_token_id",
                                        "bos_token_id", "pad_token_id"};
    const json_t *inner = json_object_get(config, "text_config");
    if (!json_is_object(inner)) {
        fail(e, E_FORMAT, "%s: a %s without \"text_config\"", where, w->name);
        return NULL;
    }
    const char *name = json_text(inner, "model_type", w->text, where, e);
    if (e->code == OK && strcmp(name, w->text))
        fail(e, E_UNSUPPORTED, "%s: a %s whose text model is a \"%.60s\" is not supported (%s is)", where,
             w->name, name, w->text);
    if (e->code != OK) return NULL;
    json_t *text = json_copy((json_t *)(uintptr_t)inner);
    json_object_set_new(text, "model_type", json_string(w->text));
    json_object_del(text, "architectures");
    put_usual(text, w->text);
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
    static const char *const part[] = {"vision_tower.", "multi_modal_projector."};
    if (!c->wrapper) return false;
    if (!strncmp(name, "model.", strlen("model."))) name += strlen("model.");
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (!strncmp(name, part[i], strlen(part[i]))) return true;
    return false;
}

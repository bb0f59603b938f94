/* config_dropout.c -- what a model drops while it is trained, by config.json: the probabilities of dropout,
 * and where transformers applies them. Sources: configuration_NAME.py and modeling_NAME.py.
 *
 * A row for each kind of family: the keys, their classes' defaults, and at which places of its blocks a
 * family has dropout at all. Keys that no row names (embd_pdrop of Phi 3, T5's classifier_dropout, ...) do
 * nothing to the models that are trained here, there as here. */
#include "format/config_check.h"

#include <math.h>
#include <string.h>

#define AS_FEED_FORWARD (-1)

typedef struct rule {
    const char *name;   /* as the rows of families.h have it */
    bool alibi;         /* of those alone with ALiBi positions; stands before the rule of the others */
    const char *inside; /* NULL, or the object of config.json that has the keys */
    struct {
        const char *key; /* NULL: nothing is dropped there */
        double usual;
    } at[DROPOUT_KINDS]; /* embedding, scores, attention, feed-forward block and inside it, head */
} rule;

static const rule rules[] = {
    {"scores", .at = {[DROP_SCORES] = {"attention_dropout", 0}}},
    {"nothing", .at = {{NULL, 0}}},
    {"bloom", .at = {[DROP_SCORES] = {"attention_dropout", 0},
                     [DROP_ATTENTION] = {"hidden_dropout", 0},
                     [DROP_FEED_FORWARD] = {"hidden_dropout", 0}}},
    {"mpt", .inside = "attn_config",
     .at = {[DROP_SCORES] = {"attn_pdrop", 0},
            [DROP_ATTENTION] = {"attn_pdrop", 0},
            [DROP_FEED_FORWARD] = {"attn_pdrop", 0}}},
    {"phi", .at = {[DROP_EMBEDDING] = {"embd_pdrop", 0},
                   [DROP_SCORES] = {"attention_dropout", 0},
                   [DROP_ATTENTION] = {"resid_pdrop", 0},
                   [DROP_FEED_FORWARD] = {"resid_pdrop", 0}}},
    {"starcoder2", .at = {[DROP_EMBEDDING] = {"embedding_dropout", 0},
                          [DROP_SCORES] = {"attention_dropout", 0},
                          [DROP_ATTENTION] = {"residual_dropout", 0},
                          [DROP_FEED_FORWARD] = {"residual_dropout", 0}}},
    {"seed_oss", .at = {[DROP_SCORES] = {"attention_dropout", 0.1},
                        [DROP_ATTENTION] = {"residual_dropout", 0.1},
                        [DROP_FEED_FORWARD] = {"residual_dropout", 0.1}}},
    {"phi3", .at = {[DROP_SCORES] = {"attention_dropout", 0},
                    [DROP_ATTENTION] = {"resid_pdrop", 0},
                    [DROP_FEED_FORWARD] = {"resid_pdrop", 0}}},
    {"gpt2", .at = {[DROP_EMBEDDING] = {"embd_pdrop", 0.1},
                    [DROP_SCORES] = {"attn_pdrop", 0.1},
                    [DROP_ATTENTION] = {"resid_pdrop", 0.1},
                    [DROP_FEED_FORWARD] = {"resid_pdrop", 0.1}}},
    {"gptj", .at = {[DROP_EMBEDDING] = {"embd_pdrop", 0},
                    [DROP_SCORES] = {"attn_pdrop", 0},
                    [DROP_ATTENTION] = {"resid_pdrop", 0},
                    [DROP_FEED_FORWARD] = {"resid_pdrop", 0}}},
    {"gpt_neo", .at = {[DROP_EMBEDDING] = {"embed_dropout", 0},
                       [DROP_SCORES] = {"attention_dropout", 0},
                       [DROP_ATTENTION] = {"resid_dropout", 0},
                       [DROP_FEED_FORWARD] = {"resid_dropout", 0}}},
    {"gpt_neox", .at = {[DROP_EMBEDDING] = {"hidden_dropout", 0},
                        [DROP_SCORES] = {"attention_dropout", 0},
                        [DROP_ATTENTION] = {"hidden_dropout", 0},
                        [DROP_FEED_FORWARD] = {"hidden_dropout", 0}}},
    {"opt", .at = {[DROP_SCORES] = {"attention_dropout", 0},
                   [DROP_ATTENTION] = {"dropout", 0.1},
                   [DROP_FEED_FORWARD] = {"dropout", 0.1}}},
    {"stablelm",
     .at = {[DROP_SCORES] = {"attention_dropout", 0}, [DROP_FEED_FORWARD] = {"hidden_dropout", 0}}},
    {"falcon", .alibi = true,
     .at = {[DROP_SCORES] = {"attention_dropout", 0},
            [DROP_ATTENTION] = {"attention_dropout", 0},
            [DROP_FEED_FORWARD] = {"hidden_dropout", 0}}},
    {"falcon",
     .at = {[DROP_ATTENTION] = {"attention_dropout", 0}, [DROP_FEED_FORWARD] = {"hidden_dropout", 0}}},
    {"bert", .at = {[DROP_EMBEDDING] = {"hidden_dropout_prob", 0.1},
                    [DROP_SCORES] = {"attention_probs_dropout_prob", 0.1},
                    [DROP_ATTENTION] = {"hidden_dropout_prob", 0.1},
                    [DROP_FEED_FORWARD] = {"hidden_dropout_prob", 0.1},
                    [DROP_HEAD] = {"classifier_dropout", AS_FEED_FORWARD}}},
    {"mpnet", .at = {[DROP_EMBEDDING] = {"hidden_dropout_prob", 0.1},
                     [DROP_SCORES] = {"attention_probs_dropout_prob", 0.1},
                     [DROP_ATTENTION] = {"hidden_dropout_prob", 0.1},
                     [DROP_FEED_FORWARD] = {"hidden_dropout_prob", 0.1},
                     [DROP_HEAD] = {"hidden_dropout_prob", 0.1}}},
    {"albert", .at = {[DROP_EMBEDDING] = {"hidden_dropout_prob", 0},
                      [DROP_SCORES] = {"attention_probs_dropout_prob", 0},
                      [DROP_ATTENTION] = {"hidden_dropout_prob", 0},
                      [DROP_HEAD] = {"classifier_dropout_prob", 0.1}}},
    {"modernbert", .at = {[DROP_EMBEDDING] = {"embedding_dropout", 0},
                          [DROP_SCORES] = {"attention_dropout", 0},
                          [DROP_ATTENTION] = {"attention_dropout", 0},
                          [DROP_ACTIVATION] = {"mlp_dropout", 0},
                          [DROP_HEAD] = {"classifier_dropout", 0}}},
    {"distilbert", .at = {[DROP_EMBEDDING] = {"dropout", 0.1},
                          [DROP_SCORES] = {"attention_dropout", 0.1},
                          [DROP_FEED_FORWARD] = {"dropout", 0.1},
                          [DROP_HEAD] = {"seq_classif_dropout", 0.2}}},
    {"bart", .at = {[DROP_EMBEDDING] = {"dropout", 0.1},
                    [DROP_SCORES] = {"attention_dropout", 0},
                    [DROP_ATTENTION] = {"dropout", 0.1},
                    [DROP_FEED_FORWARD] = {"dropout", 0.1},
                    [DROP_ACTIVATION] = {"activation_dropout", 0}}},
    {"t5", .at = {[DROP_EMBEDDING] = {"dropout_rate", 0.1},
                  [DROP_SCORES] = {"dropout_rate", 0.1},
                  [DROP_ATTENTION] = {"dropout_rate", 0.1},
                  [DROP_FEED_FORWARD] = {"dropout_rate", 0.1},
                  [DROP_ACTIVATION] = {"dropout_rate", 0.1},
                  [DROP_HEAD] = {"dropout_rate", 0.1}}},
};

static const rule *rule_of(const model_config *c)
{
    for (size_t i = 0; c->family->drops && i < sizeof rules / sizeof *rules; i++)
        if (!strcmp(rules[i].name, c->family->drops) && (!rules[i].alibi || c->alibi > 0)) return &rules[i];
    return NULL;
}

/* What is no number is no probability either, which matters to those alone who ask for dropout. */
static double probability(const json_t *o, const char *key, double otherwise)
{
    const json_t *v = json_object_get(o, key);
    if (!v || json_is_null(v)) return otherwise;
    return json_is_number(v) ? json_number_value(v) : NAN;
}

void config_read_dropout(model_config *c, const json_t *o)
{
    const rule *r = rule_of(c);
    const json_t *from = r && r->inside ? json_object_get(o, r->inside) : o;
    for (int k = 0; r && k < DROPOUT_KINDS; k++) {
        if (!r->at[k].key) continue;
        const bool alike = r->at[k].usual == AS_FEED_FORWARD;
        c->dropout[k] =
            probability(from, r->at[k].key, alike ? c->dropout[DROP_FEED_FORWARD] : r->at[k].usual);
    }
    static const char *const layers[] = {"layerdrop", "encoder_layerdrop", "decoder_layerdrop"};
    c->layer_dropout = 0;
    for (int k = 0; k < 3 && c->layer_dropout == 0; k++) c->layer_dropout = probability(o, layers[k], 0);
    c->says_dropout = true;
}

int config_check_dropout(const model_config *c, const char *where, err *e)
{
    const rule *r = rule_of(c);
    if (!c->says_dropout)
        return fail(
            e, E_UNSUPPORTED,
            "%s: base_dropout config: a GGUF file does not say what its model drops; give the Hugging "
            "Face folder, or base_dropout none",
            where);
    if (!r)
        return fail(e, E_UNSUPPORTED,
                    "%s: base_dropout config is not supported for %s; give base_dropout none", where,
                    c->architecture);
    for (int k = 0; k < DROPOUT_KINDS; k++)
        if (!(c->dropout[k] >= 0 && c->dropout[k] < 1))
            return fail(e, E_FORMAT, "%s: \"%s\" of config.json has to be a number from 0 to below 1", where,
                        r->at[k].key);
    if (c->layer_dropout != 0)
        return fail(
            e, E_UNSUPPORTED,
            "%s: base_dropout config: leaving out whole layers (a \"layerdrop\" of config.json) is not "
            "supported; give base_dropout none",
            where);
    return OK;
}

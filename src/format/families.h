/* families.h -- the families of models there are: a row each, X(NAME, what differs from Llama).
 *
 * NAME is the model_type of config.json, and what the family computes is in model/NAME.c. The members are
 * those of struct family (family.h). Everything else in a configuration is read by the keys that all families
 * share (config.c). docs/ADD-A-MODEL.md shows how to add one. */
#define GELU_TANH .act = "gelu_pytorch_tanh", .act_too = "gelu"
/* Norms before and behind attention and feed-forward block. */
#define POST_NORMS                                                                                           \
    .names = (const name_pair[]){{"post_attention_norm", "post_attention_layernorm"},                        \
                                 {"ffn_norm", "pre_feedforward_layernorm"},                                  \
                                 {"post_ffw_norm", "post_feedforward_layernorm"},                            \
                                 {0}}
/* Projections side by side in one. */
#define FUSED                                                                                                \
    .names = (const name_pair[]){{"attn_qkv", "self_attn.qkv_proj"}, {"ffn_up", "mlp.gate_up_proj"}, {0}}
/* An encoder and a decoder with layer norms. */
#define BART                                                                                                 \
    .blocks = "model.encoder.layers", .decoder_blocks = "model.decoder.layers", .prefix = "model",           \
    .outside = "lm_head final_logits_bias", .zero = "final_logits_bias", .embedding = "model.shared",        \
    .act = "gelu", .any_act = true, .tied = true, .lora = "q_proj v_proj"
#define QWEN_EXPERTS                                                                                         \
    .names = (const name_pair[]){{"ffn_gate_inp", "mlp.gate"},                                               \
                                 {"ffn_gate_exps", "mlp.experts.*.gate_proj"},                               \
                                 {"ffn_up_exps", "mlp.experts.*.up_proj"},                                   \
                                 {"ffn_down_exps", "mlp.experts.*.down_proj"},                               \
                                 {"ffn_gate_inp_shexp", "mlp.shared_expert_gate"},                           \
                                 {"ffn_gate_shexp", "mlp.shared_expert.gate_proj"},                          \
                                 {"ffn_up_shexp", "mlp.shared_expert.up_proj"},                              \
                                 {"ffn_down_shexp", "mlp.shared_expert.down_proj"},                          \
                                 {0}}

#define FAMILIES(X)                                                                                          \
    X(llama, .drops = "scores", .hf_class = "LlamaForCausalLM", .gguf = "llama", .pairs = true)              \
    X(mistral, .drops = "scores",                                                                            \
      .hf_class = "MistralForCausalLM", .window = WINDOW_ALL, .window_size = 4096)                           \
    X(ministral, .drops = "scores", .hf_class = "MinistralForCausalLM", .window = WINDOW_ALL,                \
      .window_size = 4096)                                                                                   \
    X(gpt2, .drops = "gpt2",                                                                                 \
      .hf_class = "GPT2LMHeadModel GPT2Model", .gguf = "gpt2", .blocks = "transformer.h",                    \
      .prefix = "transformer", .outside = "lm_head", .ignored = ".attn.bias .attn.masked_bias",              \
      .embedding = "transformer.wte", .columns = ".c_attn.weight .c_proj.weight .c_fc.weight",               \
      .act = "gelu_new", .any_act = true, .tied = true, .names = gguf_gpt2, .whole = gguf_gpt2_whole,        \
      .read = family_read_gpt2)                                                                              \
    X(gpt_neox, .drops = "gpt_neox", .hf_class = "GPTNeoXForCausalLM GPTNeoXModel", .gguf = "gptneox",       \
      .blocks = "gpt_neox.layers", .prefix = "gpt_neox", .outside = "embed_out",                             \
      .ignored = ".attention.bias .attention.masked_bias", .embedding = "gpt_neox.embed_in",                 \
      .fused = "attention.query_key_value", .act = "gelu", .any_act = true, .partial = true,                 \
      .names = gguf_neox, .whole = gguf_neox_whole, .read = family_read_neox)                                \
    X(opt, .drops = "opt",                                                                                   \
      .hf_class = "OPTForCausalLM OPTModel", .blocks = "model.decoder.layers", .prefix = "model",            \
      .outside = "lm_head", .embedding = "model.decoder.embed_tokens", .act = "relu", .any_act = true,       \
      .tied = true, .read = family_read_opt)                                                                 \
    X(stablelm, .drops = "stablelm",                                                                         \
      .hf_class = "StableLmForCausalLM StableLmModel", .gguf = "stablelm", .prefix = "model",                \
      .outside = "lm_head", .norm = NORM_LAYER, .partial = true, .read = family_read_stablelm)               \
    X(falcon, .drops = "falcon",                                                                             \
      .hf_class = "FalconForCausalLM FalconModel", .gguf = "falcon", .blocks = "transformer.h",              \
      .prefix = "transformer", .outside = "lm_head", .embedding = "transformer.word_embeddings",             \
      .fused = "self_attention.query_key_value", .act = "gelu", .any_act = true, .tied = true,               \
      .names = gguf_falcon, .whole = gguf_falcon_whole, .read = family_read_falcon)                          \
    X(bloom, .drops = "bloom",                                                                               \
      .hf_class = "BloomForCausalLM BloomModel", .gguf = "bloom", .blocks = "transformer.h",                 \
      .prefix = "transformer", .outside = "lm_head", .embedding = "transformer.word_embeddings",             \
      .fused = "self_attention.query_key_value", .any_act = true, .tied = true, .names = gguf_bloom,         \
      .whole = gguf_bloom_whole, .read = family_read_bloom)                                                  \
    X(mpt, .drops = "mpt", .hf_class = "MptForCausalLM MPTForCausalLM MptModel", .gguf = "mpt",              \
      .blocks = "transformer.blocks", .prefix = "transformer", .outside = "lm_head",                         \
      .embedding = "transformer.wte", .any_act = true, .tied = true, .names = gguf_mpt,                      \
      .whole = gguf_mpt_whole, .read = family_read_mpt)                                                      \
    X(phi, .drops = "phi",                                                                                   \
      .hf_class = "PhiForCausalLM", .gguf = "phi2", .norm = NORM_LAYER, .partial = true,                     \
      .act = "gelu_new", .any_act = true, .names = gguf_phi, .whole = gguf_phi_whole,                        \
      .read = family_read_phi)                                                                               \
    X(starcoder2, .drops = "starcoder2",                                                                     \
      .hf_class = "Starcoder2ForCausalLM", .gguf = "starcoder2", .norm = NORM_LAYER,                         \
      .act = "gelu_pytorch_tanh", .any_act = true, .tied = true, .window = WINDOW_ALL,                       \
      .names = gguf_starcoder2, .read = family_read_starcoder2)                                              \
    X(granite, .drops = "scores", .hf_class = "GraniteForCausalLM", .gguf = "granite", .pairs = true,        \
      .read = family_read_granite)                                                                           \
    X(cohere, .drops = "scores",                                                                             \
      .hf_class = "CohereForCausalLM", .gguf = "command-r", .norm = NORM_LAYER_ONLY, .tied = true,           \
      .adjacent = true, .theta = 5e5, .read = family_read_cohere)                                            \
    X(cohere2, .drops = "scores",                                                                            \
      .hf_class = "Cohere2ForCausalLM", .gguf = "cohere2", .norm = NORM_LAYER_ONLY, .tied = true,            \
      .adjacent = true, .window = WINDOW_PATTERN, .window_size = 4096, .window_pattern = 4,                  \
      .window_rope = true, .read = family_read_cohere)                                                       \
    X(olmo, .drops = "scores",                                                                               \
      .hf_class = "OlmoForCausalLM", .gguf = "olmo", .norm = NORM_BARE, .pairs = true,                       \
      .read = family_read_olmo)                                                                              \
    X(ernie4_5, .drops = "nothing",                                                                          \
      .hf_class = "Ernie4_5ForCausalLM Ernie4_5_ForCausalLM", .gguf = "ernie4_5",                            \
      .adjacent = true, .tied = true, .head_dim = 128, .read = family_read_ernie)                            \
    X(seed_oss, .drops = "seed_oss", .hf_class = "SeedOssForCausalLM", .gguf = "seed_oss", .head_dim = 128,  \
      .names = (const name_pair[]){{"post_attention_norm", "post_attention_layernorm"}, {0}},                \
      .read = family_read_seed_oss)                                                                          \
    X(gptj, .drops = "gptj",                                                                                 \
      .hf_class = "GPTJForCausalLM GPTJModel", .blocks = "transformer.h", .prefix = "transformer",           \
      .outside = "lm_head", .ignored = ".attn.bias .attn.masked_bias", .embedding = "transformer.wte",       \
      .act = "gelu_new", .any_act = true, .partial = true, .adjacent = true, .read = family_read_gptj)       \
    X(gpt_neo, .drops = "gpt_neo", .hf_class = "GPTNeoForCausalLM GPTNeoModel", .blocks = "transformer.h",   \
      .prefix = "transformer", .outside = "lm_head", .embedding = "transformer.wte", .act = "gelu_new",      \
      .ignored = ".attn.attention.bias .attn.attention.masked_bias", .any_act = true, .tied = true,          \
      .read = family_read_gpt_neo)                                                                           \
    X(gpt_bigcode, .drops = "gpt2",                                                                          \
      .hf_class = "GPTBigCodeForCausalLM GPTBigCodeModel", .gguf = "starcoder",                              \
      .blocks = "transformer.h", .prefix = "transformer", .outside = "lm_head",                              \
      .ignored = ".attn.bias .attn.masked_bias", .embedding = "transformer.wte",                             \
      .act = "gelu_pytorch_tanh", .any_act = true, .tied = true, .names = gguf_gpt2,                         \
      .whole = gguf_gpt2_whole, .read = family_read_gpt_bigcode)                                             \
    X(glm, .drops = "scores",                                                                                \
      .hf_class = "GlmForCausalLM", .gguf = "chatglm", .partial = true, .adjacent = true,                    \
      .head_dim = 128, .names = gguf_glm4, .read = family_read_glm)                                          \
    X(glm4, .drops = "scores",                                                                               \
      .hf_class = "Glm4ForCausalLM", .gguf = "glm4", .partial = true, .adjacent = true,                      \
      .head_dim = 128, .names = gguf_glm4, .read = family_read_glm)                                          \
    X(olmo3, .drops = "scores",                                                                              \
      .hf_class = "Olmo3ForCausalLM", .window = WINDOW_PATTERN, .window_size = 4096,                         \
      .window_pattern = 4, .theta = 5e5, .local_theta = 5e5)                                                 \
    X(exaone4, .drops = "scores",                                                                            \
      .hf_class = "Exaone4ForCausalLM", .gguf = "exaone4", POST_NORMS, .window = WINDOW_PATTERN,             \
      .window_size = 4096, .window_pattern = 4, .window_rope = true, .read = family_read_exaone4)            \
    X(hunyuan_v1_dense, .drops = "scores", .hf_class = "HunYuanDenseV1ForCausalLM", .gguf = "hunyuan-dense", \
      .rope_alpha = true, .names = gguf_hunyuan)                                                             \
    X(helium, .drops = "scores", .hf_class = "HeliumForCausalLM", .adjacent = true, .head_dim = 128)         \
    X(nemotron, .drops = "scores",                                                                           \
      .hf_class = "NemotronForCausalLM", .gguf = "nemotron", .norm = NORM_LAYER,                             \
      .norm_offset = true, .partial = true, .act = "relu2", .any_act = true, .read = family_read_nemotron)   \
    X(arcee, .drops = "scores",                                                                              \
      .hf_class = "ArceeForCausalLM", .gguf = "arcee", .pairs = true, .act = "relu2",                        \
      .any_act = true, .read = family_read_arcee)                                                            \
    X(bert, .drops = "bert", .gguf = "bert", .names = gguf_bert, .whole = gguf_bert_whole,                   \
      .hf_class = "BertModel BertForMaskedLM BertForPreTraining BertForSequenceClassification "              \
                        "BertForTokenClassification BertForNextSentencePrediction",                          \
      .encoder = true, .blocks = "bert.encoder.layer", .prefix = "bert",                                     \
      .outside = "cls classifier qa_outputs", .ignored = ".position_ids", .act = "gelu", .any_act = true,    \
      .embedding = "bert.embeddings.word_embeddings", .read = family_read_bert)                              \
    X(roberta, .drops = "bert",                                                                              \
      .hf_class = "RobertaModel RobertaForMaskedLM RobertaForSequenceClassification "                        \
                           "RobertaForTokenClassification XLMRobertaModel XLMRobertaForMaskedLM "            \
                           "XLMRobertaForSequenceClassification XLMRobertaForTokenClassification "           \
                           "CamembertModel CamembertForMaskedLM CamembertForSequenceClassification "         \
                           "CamembertForTokenClassification",                                                \
      .alias = "xlm-roberta camembert", .encoder = true, .blocks = "roberta.encoder.layer",                  \
      .prefix = "roberta",                                                                                   \
      .outside = "lm_head classifier qa_outputs", .ignored = ".position_ids", .act = "gelu",                 \
      .any_act = true, .embedding = "roberta.embeddings.word_embeddings", .read = family_read_roberta)       \
    X(distilbert, .drops = "distilbert",                                                                     \
      .hf_class = "DistilBertModel DistilBertForMaskedLM DistilBertForSequenceClassification "               \
                              "DistilBertForTokenClassification",                                            \
      .encoder = true, .blocks = "distilbert.transformer.layer", .prefix = "distilbert",                     \
      .outside = "vocab_transform vocab_layer_norm vocab_projector pre_classifier classifier qa_outputs",    \
      .act = "gelu", .any_act = true, .embedding = "distilbert.embeddings.word_embeddings",                  \
      .read = family_read_distilbert)                                                                        \
    X(modernbert, .drops = "modernbert",                                                                     \
      .hf_class = "ModernBertModel ModernBertForMaskedLM ModernBertForSequenceClassification "               \
                              "ModernBertForTokenClassification",                                            \
      .encoder = true, .prefix = "model", .outside = "head decoder classifier qa_outputs", .act = "gelu",    \
      .any_act = true, .theta = 160000, .local_theta = 10000, .embedding = "model.embeddings.tok_embeddings",\
      .read = family_read_modernbert)                                                                        \
    X(deberta_v2, .alias = "deberta-v2", .encoder = true, .blocks = "deberta.encoder.layer",                 \
      .hf_class = "DebertaV2Model DebertaV2ForMaskedLM DebertaV2ForSequenceClassification "                  \
                        "DebertaV2ForTokenClassification",                                                   \
      .prefix = "deberta", .ignored = ".position_ids", .spare = ".embeddings.position_embeddings.weight",    \
      .outside = "cls lm_predictions mask_predictions pooler classifier qa_outputs", .act = "gelu",          \
      .any_act = true, .embedding = "deberta.embeddings.word_embeddings", .read = family_read_deberta_v2)    \
    X(electra, .drops = "bert", .hf_class = "ElectraModel ElectraForPreTraining ElectraForMaskedLM "         \
                           "ElectraForSequenceClassification ElectraForTokenClassification",                 \
      .encoder = true, .blocks = "electra.encoder.layer", .prefix = "electra", .ignored = ".position_ids",   \
      .outside = "discriminator_predictions generator_predictions generator_lm_head classifier qa_outputs",  \
      .act = "gelu", .any_act = true, .embedding = "electra.embeddings.word_embeddings",                     \
      .read = family_read_electra)                                                                           \
    X(albert, .drops = "albert", .hf_class = "AlbertModel AlbertForPreTraining AlbertForMaskedLM "           \
                          "AlbertForSequenceClassification AlbertForTokenClassification",                    \
      .encoder = true, .blocks = "albert.encoder.albert_layer_groups", .prefix = "albert",                   \
      .outside = "predictions sop_classifier classifier qa_outputs", .ignored = ".position_ids",             \
      .act = "gelu_new", .any_act = true, .embedding = "albert.embeddings.word_embeddings",                  \
      .read = family_read_albert)                                                                            \
    X(mpnet, .drops = "mpnet", .hf_class = "MPNetModel MPNetForMaskedLM MPNetForSequenceClassification "     \
                         "MPNetForTokenClassification",                                                      \
      .encoder = true, .blocks = "mpnet.encoder.layer", .prefix = "mpnet", .ignored = ".position_ids",       \
      .outside = "lm_head classifier qa_outputs", .act = "gelu", .any_act = true,                            \
      .embedding = "mpnet.embeddings.word_embeddings", .read = family_read_mpnet)                            \
    X(bart, .drops = "bart",                                                                                 \
      .hf_class = "BartForConditionalGeneration BartModel", BART, .read = family_read_bart)                  \
    X(pegasus, .drops = "bart", .hf_class = "PegasusForConditionalGeneration PegasusModel", BART,            \
      .read = family_read_pegasus)                                                                           \
    X(t5, .drops = "t5",                                                                                     \
      .lora = "q v", .hf_class = "T5ForConditionalGeneration MT5ForConditionalGeneration T5WithLMHeadModel", \
      .gguf = "t5", .alias = "mt5", .blocks = "encoder.block", .decoder_blocks = "decoder.block",            \
      .ignored = ".EncDecAttention.relative_attention_bias.weight", .act = "relu", .any_act = true,          \
      .embedding = "shared", .tied = true, .names = gguf_t5_encoder, .decoder_names = gguf_t5_decoder,       \
      .whole = gguf_t5_whole, .read = family_read_t5)                                                        \
    X(qwen2, .drops = "scores",                                                                              \
      .hf_class = "Qwen2ForCausalLM", .gguf = "qwen2", .window = WINDOW_LATE, .window_size = 4096,           \
      .qkv_bias = true)                                                                                      \
    X(qwen3, .drops = "scores",                                                                              \
      .hf_class = "Qwen3ForCausalLM", .gguf = "qwen3", .window = WINDOW_LATE, .window_size = 4096,           \
      .head_dim = 128)                                                                                       \
    X(gemma, .drops = "scores",                                                                              \
      .hf_class = "GemmaForCausalLM", .gguf = "gemma", GELU_TANH, .tied = true, .head_dim = 256,             \
      .norm_offset = true, .embed_scale = true)                                                              \
    X(gemma2, .drops = "scores",                                                                             \
      .hf_class = "Gemma2ForCausalLM", .gguf = "gemma2", GELU_TANH, POST_NORMS, .tied = true,                \
      .head_dim = 256, .window = WINDOW_EVEN, .window_size = 4096, .norm_offset = true, .embed_scale = true, \
      .attention_cap = 50, .final_cap = 30, .query_scale = 256, .wide_layers = 46)                           \
    X(gemma3_text, .drops = "scores",                                                                        \
      .hf_class = "Gemma3ForCausalLM", .gguf = "gemma3", GELU_TANH, POST_NORMS, .tied = true,                \
      .head_dim = 256, .window = WINDOW_PATTERN, .window_size = 4096, .norm_offset = true,                   \
      .embed_scale = true, .query_scale = 256, .wide_layers = 62, .theta = 1e6, .local_theta = 1e4)          \
    X(phi3, .drops = "phi3",                                                                                 \
      .hf_class = "Phi3ForCausalLM", .gguf = "phi3", FUSED, .window = WINDOW_ALL, .partial = true)           \
    X(mixtral, .drops = "scores",                                                                            \
      .hf_class = "MixtralForCausalLM", .gguf = "llama", .pairs = true, .window = WINDOW_ALL,                \
      .theta = 1e6, .read = config_read_experts, .experts = true, .norm_topk = true,                         \
      .names = (const name_pair[]){{"ffn_gate_inp", "block_sparse_moe.gate"},                                \
                                   {"ffn_gate_exps", "block_sparse_moe.experts.*.w1"},                       \
                                   {"ffn_up_exps", "block_sparse_moe.experts.*.w3"},                         \
                                   {"ffn_down_exps", "block_sparse_moe.experts.*.w2"},                       \
                                   {"ffn_gate.*", "block_sparse_moe.experts.*.w1"},                          \
                                   {"ffn_up.*", "block_sparse_moe.experts.*.w3"},                            \
                                   {"ffn_down.*", "block_sparse_moe.experts.*.w2"},                          \
                                   {0}})                                                                     \
    X(qwen2_moe, .drops = "scores",                                                                          \
      .hf_class = "Qwen2MoeForCausalLM", .gguf = "qwen2moe", .window = WINDOW_LATE,                          \
      .window_size = 4096, .qkv_bias = true, .read = config_read_experts, .experts = true, QWEN_EXPERTS)     \
    X(qwen3_moe, .drops = "scores",                                                                          \
      .hf_class = "Qwen3MoeForCausalLM", .gguf = "qwen3moe", .window = WINDOW_LATE,                          \
      .window_size = 4096, .head_dim = 128, .read = config_read_experts, .experts = true,                    \
      .gguf_norm_topk = true, QWEN_EXPERTS)                                                                  \
    X(olmo2, .drops = "scores",                                                                              \
      .hf_class = "Olmo2ForCausalLM", .gguf = "olmo2", POST_NORMS, .read = family_read_olmo2)                \
    X(smollm3, .drops = "scores",                                                                            \
      .hf_class = "SmolLM3ForCausalLM", .gguf = "smollm3", .pairs = true, .tied = true,                      \
      .theta = 2e6, .no_rope_interval = 4)

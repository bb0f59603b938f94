/* families.h -- the families of models there are: a row each, X(NAME, what differs from Llama).
 *
 * NAME is the model_type of config.json, and what the family computes is in model/NAME.c. The members are
 * those of struct family (family.h). Everything else in a configuration is read by the keys that all families
 * share (config.c). docs/ADD-A-MODEL.md shows how to add one. */
#define FAMILIES(X)                                                                                          \
    X(llama, .hf_class = "LlamaForCausalLM", .gguf = "llama", .pairs = true)                                 \
    X(mistral, .hf_class = "MistralForCausalLM", .window = WINDOW_ALL, .window_size = 4096)                  \
    X(qwen2, .hf_class = "Qwen2ForCausalLM", .gguf = "qwen2", .window = WINDOW_LATE, .window_size = 4096,    \
      .qkv_bias = true)

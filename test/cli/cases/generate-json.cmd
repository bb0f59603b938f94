# mask s/"tokens_per_second": .*/"tokens_per_second": @NUMBER@/
lorac generate --model "$MODEL" --prompt "Once upon a time" --max_new_tokens 8 --json

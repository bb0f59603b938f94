lorac data -m $MODEL $DATA/chat.jsonl --assistant_only_loss

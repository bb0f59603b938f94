lorac info "$MODEL" --tensors

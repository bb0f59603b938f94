echo Hello | lorac chat -m $MODEL

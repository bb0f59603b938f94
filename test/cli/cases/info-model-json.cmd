lorac info "$MODEL" --json

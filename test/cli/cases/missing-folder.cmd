# a result that could not be kept is refused before the work, which begins with the model
lorac generate --model nowhere.gguf --prompt "Once upon a time" --out nowhere/text

lorac data --model "$MODEL" --data "$DATA/pets.csv" --prompt-template "Tell me about {name} the {kind}:" --completion-template " {description}"

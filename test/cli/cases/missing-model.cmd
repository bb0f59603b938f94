lorac info HuggingFaceTB/SmolLM2-135M

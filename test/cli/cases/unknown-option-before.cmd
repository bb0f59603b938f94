lorac --quiet train

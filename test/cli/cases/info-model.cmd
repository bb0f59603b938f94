lorac info "$MODEL"

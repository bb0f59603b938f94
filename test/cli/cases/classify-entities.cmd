# Labels of entities: whole entities are scored, in all and by their types, while training and afterwards.
BERT=$(dirname $DATA)/../data/model/encoder/bert-token
mkdir base && cp $BERT/config.json $BERT/model.safetensors base
{ printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nann\nlives\nin\nnew\nyork\nbob\nsmith\nwent\nto\nrome\nsaw\n'
  for i in $(seq 16 63); do echo "[unused$i]"; done; } >base/vocab.txt
lorac train --model base --task_type TOKEN_CLS --data $DATA/ner.jsonl --eval_data $DATA/ner.jsonl --out run \
    --lora_target_modules query,key,value,dense --lora_r 8 --learning_rate 0.005 --max_steps 120 --seed 1 --compute f32 \
    --device reference --eval_strategy no --quiet || exit
grep -o '"eval_entity_[a-z1]*": *[0-9.]*' run/log.jsonl | tail -3
lorac eval --model base --adapter run --data $DATA/ner.jsonl --device reference --quiet
lorac eval --model base --adapter run --data $DATA/ner.jsonl --device reference --quiet --json | grep -A6 '"LOC"'
# mask s/(tokens|seconds|time|memory|loss).*//

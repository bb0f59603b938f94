"""Records a whole training run of the Hugging Face Trainer on the tiny Llama of test/data/model/: accumulation over
rows of unequal lengths, warm-up, clipping that engages, decay, evaluations.

    python3 test/golden/train_run.py

Writes test/data/train/run.json (rows, options, the log) and run_adapter.safetensors (the adapter it ends with).
"""
import json, os, shutil, tempfile
import numpy as np, torch
from peft import PeftModel
from transformers import LlamaForCausalLM, Trainer, TrainingArguments

ROOT = os.path.join(os.path.dirname(__file__), "..", "data")
MODEL, OUT = os.path.join(ROOT, "model", "tiny-llama"), os.path.join(ROOT, "train")
torch.manual_seed(1)
torch.set_num_threads(1)


def rows(seed, n):
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(n):
        prompt, completion = int(rng.integers(1, 9)), int(rng.integers(1, 14))
        ids = rng.integers(3, 64, prompt + completion).tolist() + [2]
        out.append({"ids": ids, "labels": [0] * prompt + [1] * (completion + 1)})
    return out


def collate(batch):
    width = max(len(r["ids"]) for r in batch)
    ids, labels, mask = [], [], []
    for r in batch:
        pad = width - len(r["ids"])
        ids.append(r["ids"] + [0] * pad)
        labels.append([i if k else -100 for i, k in zip(r["ids"], r["labels"])] + [-100] * pad)
        mask.append([1] * len(r["ids"]) + [0] * pad)
    return {"input_ids": torch.tensor(ids), "labels": torch.tensor(labels), "attention_mask": torch.tensor(mask)}


def evaluate(model, data):
    """Mean over labels (the Trainer's own eval_loss is a mean of batch means)."""
    ce, hits, n = 0.0, 0, 0
    model.eval()
    with torch.no_grad():
        for r in data:
            b = collate([r])
            logits = model(input_ids=b["input_ids"]).logits[0, :-1]
            target = b["labels"][0, 1:]
            keep = target != -100
            ce += torch.nn.functional.cross_entropy(logits[keep], target[keep], reduction="sum").item()
            hits += (logits[keep].argmax(-1) == target[keep]).sum().item()
            n += int(keep.sum())
    return {"loss": ce / n, "token_accuracy": hits / n, "labels": n}


train, dev = rows(11, 13), rows(12, 5)
model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(MODEL), os.path.join(MODEL, "adapter"), is_trainable=True)
folder = tempfile.mkdtemp()
options = dict(per_device_train_batch_size=2, gradient_accumulation_steps=3, num_train_epochs=3, learning_rate=5e-3,
               weight_decay=0.01, max_grad_norm=0.3, lr_scheduler_type="cosine", warmup_steps=2, logging_steps=2,
               seed=1)
arguments = TrainingArguments(output_dir=folder, use_cpu=True, report_to="none", save_strategy="no", optim="adamw_torch",
                              remove_unused_columns=False, train_sampling_strategy="sequential", disable_tqdm=True,
                              **options)
before = evaluate(model, dev)
trainer = Trainer(model=model, args=arguments, train_dataset=train, data_collator=collate)
trainer.train()
model.save_pretrained(folder)
shutil.copy(os.path.join(folder, "adapter_model.safetensors"), os.path.join(OUT, "run_adapter.safetensors"))
keys = ("step", "epoch", "loss", "grad_norm", "learning_rate", "train_loss")
log = [{k: v for k, v in line.items() if k in keys} for line in trainer.state.log_history]
with open(os.path.join(OUT, "run.json"), "w") as f:
    json.dump({"train": train, "dev": dev, "options": options, "log": log, "before": before,
               "after": evaluate(model, dev), "steps": trainer.state.global_step}, f, separators=(",", ":"))
    f.write("\n")
shutil.rmtree(folder)

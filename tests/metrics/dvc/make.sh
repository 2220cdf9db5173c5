#!/bin/sh
# Makes project.bundle and expected.json: sh make.sh PYTHON, where PYTHON has dvc and dvclive.
set -eu
python=$(realpath -s "$1")
here=$(cd "$(dirname "$0")" && pwd)
PATH="$(dirname "$python"):$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME="$work" DVC_NO_ANALYTICS=1 GIT_CONFIG_NOSYSTEM=1 PYTHONDONTWRITEBYTECODE=1
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.org
mkdir "$work/project" && cd "$work/project"
git init --quiet -b main && dvc init --quiet
git config user.name Ada && git config user.email ada@example.org

minute=0
commit() {
    minute=$((minute + 1))
    git add --all
    GIT_AUTHOR_DATE="2026-01-01T12:$minute:00Z" GIT_COMMITTER_DATE="2026-01-01T12:$minute:00Z" \
        git commit --quiet -m "$1"
}

cat > train.py <<'PY'
import json, os, sys
import yaml

params = yaml.safe_load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "params.yaml")))
lr, depth = params["lr"], params["model"]["depth"]
acc = round(1 - lr / depth, 4)
json.dump({"acc": acc, "val": {"loss": lr * 2}, "note": "trained"}, open("scores.json", "w"))
with open("curve.csv", "w") as file:
    file.write("step,loss\n" + "".join(f"{step},{lr / (step + 1)}\n" for step in range(5)))
PY
cat > params.yaml <<'YAML'
lr: 0.1
model: {depth: 4, name: tree}
parts: [east, west]
YAML
echo "Before any stage" > README.md
commit "Parameters and code"

dvc stage add --quiet -n train -d train.py -p lr,model.depth -M scores.json \
    --plots-no-cache curve.csv python train.py
dvc repro --quiet
commit "A stage"

sed -i 's/lr: 0.1/lr: 0.2/' params.yaml
dvc repro --quiet
commit "A larger rate"

cat > evaluate.py <<'PY'
import sys
import yaml

part = sys.argv[1]
yaml.safe_dump({part: {"f1": 0.5 + len(part) / 100}, "auc": 0.75}, open(f"eval-{part}.yaml", "w"))
PY
cat >> dvc.yaml <<'YAML'
  evaluate:
    foreach: ${parts}
    do:
      cmd: python evaluate.py ${item}
      metrics:
      - eval-${item}.yaml:
          cache: false
YAML
dvc repro --quiet
commit "Stages for each part"

mkdir pipeline
git mv train.py params.yaml pipeline/
git rm --quiet --cached scores.json curve.csv dvc.lock && rm scores.json curve.csv dvc.lock
sed -i '/foreach/,$d; /evaluate:/d' dvc.yaml
git rm --quiet eval-east.yaml eval-west.yaml
git mv dvc.yaml pipeline/dvc.yaml
(cd pipeline && dvc repro --quiet)
commit "The pipeline moved"

cat > live.py <<'PY'
from dvclive import Live

with Live(save_dvc_exp=False) as live:
    live.log_params({"batch": 32, "optimizer": {"name": "adam"}})
    for step in range(4):
        live.log_metric("train/loss", 1 / (step + 1))
        live.log_metric("acc", 0.5 + step / 10)
        live.next_step()
PY
python live.py > /dev/null
commit "DVCLive beside it"

cd pipeline
dvc exp run --quiet -n tall-oak -S lr=0.4
dvc exp run --quiet -n low-birch -S model.depth=8
cd ..
git checkout --quiet -- . && git clean -fdq
python - "$here/expected.json" $(git rev-list --reverse main) \
    $(git for-each-ref --format='%(objectname) %(refname)' refs/exps | sed -n '/exec/!s/ .*//p') <<'PY'
import json, subprocess, sys
from dvc.repo import Repo
from dvc.repo.metrics.show import show as show_metrics
from dvc.repo.params.show import show as show_params

expected = {}
for commit in sys.argv[2:]:
    subprocess.run(["git", "checkout", "--quiet", "--force", commit], check=True)
    expected[commit] = {}
    for what, show in (("metrics", show_metrics), ("params", show_params)):
        with Repo(".") as repo:
            found = show(repo).get("", {}).get("data", {})
        expected[commit][what] = {file: one["data"] for file, one in found.items()}
subprocess.run(["git", "checkout", "--quiet", "--force", "main"], check=True)
with open(sys.argv[1], "w") as file:
    json.dump(expected, file, indent=1, sort_keys=True)
    file.write("\n")
PY
git bundle create --quiet "$here/project.bundle" HEAD --all

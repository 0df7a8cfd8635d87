"""Runs the example pipeline on this machine with Kubeflow's own runner; each step is a process as it is in a pod."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from kfp import local

sys.path.insert(0, str(Path(__file__).parents[3] / "examples"))

import pipeline

if __name__ == "__main__":
    # The packages of the steps are in this environment.
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[1])
    done = pipeline.iris(experiment="pipeline-iris", model="pipeline-iris", max_iter=500)
    print(json.dumps(done.output))

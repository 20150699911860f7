"""Answers each question with the question itself and the version of PyYAML."""

import json
import sys

import yaml

for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps({"question": question, "yaml": yaml.__version__}), flush=True)

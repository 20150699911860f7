"""How PyYAML and ruamel read texts: one line of JSON in, one line of JSON out.

Question: {"reader": "dagster" | "pyyaml" | "ruamel", "texts": [...]}. Answer: a list, for each text the value with its
type, or {"refused": why}. "dagster" is PyYAML's SafeLoader without timestamps, as Dagster reads its workspace file.
"""

import json
import sys

import yaml
from ruamel.yaml import YAML


class WithoutTimestamps(yaml.SafeLoader):
    """SafeLoader that takes a date for a string."""


WithoutTimestamps.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


READERS = {
    "dagster": lambda text: yaml.load(text, Loader=WithoutTimestamps),
    "pyyaml": yaml.safe_load,
    "ruamel": lambda text: YAML(typ="safe", pure=True).load(text),
}


def typed(value):
    """Give the value as JSON that keeps whole numbers exact and floats apart from them."""
    match value:
        case None:
            return {"null": None}
        case bool():
            return {"bool": value}
        case int():
            return {"int": str(value)}
        case float():
            return {"float": repr(value)}
        case str():
            return {"str": value}
        case list():
            return {"list": [typed(item) for item in value]}
        case dict():
            return {"map": [[typed(key), typed(item)] for key, item in value.items()]}
    return {"other": type(value).__name__}


def read(reader, text):
    """Read one text as that reader does."""
    try:
        return typed(READERS[reader](text))
    except Exception as error:  # any refusal is an answer
        return {"refused": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps([read(question["reader"], text) for text in question["texts"]]), flush=True)

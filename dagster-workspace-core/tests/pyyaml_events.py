"""What PyYAML makes of a text: its events in short, or its error. One JSON value a line, in and out."""

import json
import sys

import yaml


def events(text):
    found = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        anchor = f" &{event.anchor}" if getattr(event, "anchor", None) else ""
        match event:
            case yaml.MappingStartEvent():
                found.append("+MAP" + anchor)
            case yaml.SequenceStartEvent():
                found.append("+SEQ" + anchor)
            case yaml.MappingEndEvent():
                found.append("-MAP")
            case yaml.SequenceEndEvent():
                found.append("-SEQ")
            case yaml.AliasEvent():
                found.append(f"=ALI {event.anchor}")
            case yaml.ScalarEvent():
                found.append(f"=VAL{anchor} {event.value}")
            case yaml.DocumentStartEvent():
                found.append("+DOC")
    return found


for line in sys.stdin:
    text = json.loads(line)["text"]
    try:
        # Composing also refuses what no event tells: aliases without anchor, anchors given twice.
        for _ in yaml.compose_all(text, Loader=yaml.SafeLoader):
            pass
        answer = {"events": events(text)}
    except (yaml.YAMLError, ValueError) as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)

"""Reads vCards or a calendar from the standard input and prints them as JSON lines, as vobject understands them."""

import json
import sys

import vobject


def plain(value):
    if isinstance(value, (str, type(None))):
        return value
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, (vobject.vcard.Name, vobject.vcard.Address)):
        return {key: plain(item) for key, item in vars(value).items()}
    return str(value)


def shown(component):
    told = {}
    for child in component.getChildren():
        if isinstance(child, vobject.base.Component):
            told.setdefault(child.name.lower(), []).append(shown(child))
        else:
            line = {"value": plain(child.value), "types": child.params.get("TYPE", [])}
            told.setdefault(child.name.lower(), []).append(line)
    return told


for component in vobject.readComponents(sys.stdin.buffer.read().decode("utf-8"), validate=True):
    print(json.dumps(shown(component)))

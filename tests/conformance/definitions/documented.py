"""What the platforms document and their packages do not define, listed by hand in documented.json with where it stands.

An entry that nobody sends fails, so that the list holds what is needed and no more."""

import json
import os

with open(os.path.join(os.path.dirname(__file__), "..", "documented.json"), encoding="utf-8") as file:
    PLACES = json.load(file)
_used = set()


def known(place, name):
    """Whether `name` is documented at `place`."""
    found = name in PLACES.get(place, {}).get("names", [])
    if found:
        _used.add((place, name))
    return found


def unused():
    """Entries nobody needed in this run."""
    every = {(place, name) for place, entry in PLACES.items() for name in entry["names"]}
    return [f"documented.json: `{name}` at {place} is sent by nobody, or the package knows it" for place, name in sorted(every - _used)]

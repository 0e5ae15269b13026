"""Holds every request our clients sent, as the test suite recorded it, against the platforms' own packages.

    replay.py RECORD.jsonl       fails on unknown paths, parameters, fields, enum values, and on kinds of requests that kinds.txt does not list
    replay.py RECORD.jsonl list  prints the kinds of requests in the record
"""

import json
import os
import sys

from definitions import Entry, documented, ga4, google_ads, meta, oauth, tiktok

KINDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kinds.txt")


def definition(entry):
    """The module that knows the platform a path belongs to."""
    first = entry.path.strip("/").split("/")[0]
    if first == "open_api":
        return tiktok
    if first == "token":
        return oauth
    if first == "v1beta":
        return ga4
    if first.startswith("v") and "." in first:
        return meta
    return google_ads


def opened(record):
    """The entries of a record, and which of its ids stand for what."""
    with open(record, encoding="utf-8") as file:
        entries = [Entry(json.loads(line)) for line in file]
    world = meta.World()
    for entry in entries:
        if definition(entry) is meta:
            world.learn(entry)
    return entries, world


def main():
    (entries, world), kinds, failures = opened(sys.argv[1]), set(), []
    for entry in entries:
        known = definition(entry)
        try:
            kind = known.kind(entry, world)
            found = known.request_problems(entry, world) + known.answer_problems(entry, world)
        except Exception as error:  # A request that cannot even be read is a finding like any other.
            kind, found = f"unreadable {entry}", [f"{type(error).__name__}: {error}"]
        kinds.add(kind)
        failures += [f"{kind}: {problem}" for problem in found]
    if sys.argv[2:] == ["list"]:
        print("\n".join(sorted(kinds)))
        return 0
    with open(KINDS, encoding="utf-8") as file:
        listed = {line.strip() for line in file if line.strip() and not line.startswith("#")}
    failures += [f"kinds.txt does not list: {kind}" for kind in sorted(kinds - listed)]
    failures += [f"kinds.txt lists what no client sends: {kind}" for kind in sorted(listed - kinds)]
    failures += documented.unused() + tiktok.stale()
    for failure in dict.fromkeys(failures):
        print(failure)
    print(f"{len(entries)} requests of {len(kinds)} kinds: {'FAILED' if failures else 'all known to the official packages'}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

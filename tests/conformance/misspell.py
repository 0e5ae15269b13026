"""Proves that replay.py can fail: `misspell.py RECORD.jsonl` misspells every name and every enum value of one request of each kind, one at a time,
and fails with those that nobody would notice. Names in the answers likewise, where the package types answers."""

import copy
import json
import re
import sys
from urllib.parse import parse_qsl, urlencode

from definitions import ga4, google_ads, meta, tiktok
from replay import definition, opened

_WORD = re.compile(r"[A-Z][A-Z0-9_]{3,}")


def _decode(text):
    try:
        return json.loads(text) if text[:1] in "[{" else text
    except ValueError:
        return text


def misspelt(value):
    """Every form of a JSON value with one name or one upper-case word misspelt, and what that was."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield name, {(key + "x" if key == name else key): inner for key, inner in value.items()}
            for what, other in misspelt(member):
                yield what, {**value, name: other}
    elif isinstance(value, list):
        for number, member in enumerate(value):
            for what, other in misspelt(member):
                yield what, value[:number] + [other] + value[number + 1:]
    elif isinstance(value, str) and _WORD.fullmatch(value):
        yield value, value + "X"
    elif isinstance(value, str) and value[:1] in "[{":
        for what, other in misspelt(_decode(value)):
            yield what, json.dumps(other)


def _query(text):
    """A query of Google Ads with one field, resource or upper-case literal misspelt."""
    for found in re.finditer(r"\b[a-z_]+\.[a-z_.]+\b|(?<=FROM )\w+|(?<=')[A-Z_]{4,}(?=')", text):
        suffix = "X" if found.group().isupper() else "x"
        yield found.group(), text[: found.end()] + suffix + text[found.end():]


def requests(entry):
    """The request with one thing misspelt."""
    def changed(**parts):
        other = copy.copy(entry)
        other.__dict__.update(parts)
        return other

    yield "the path", changed(path=entry.path.rstrip("/") + "x" + ("/" if entry.path.endswith("/") else ""))
    yield "the version", changed(path=re.sub(r"/v(\d)", r"/v9\1", entry.path, count=1)) if re.search(r"/v\d", entry.path) else changed(path="/tokens")
    for number, (name, text) in enumerate(entry.query):
        def put(pair, number=number):
            return entry.query[:number] + [pair] + entry.query[number + 1:]

        yield name, changed(query=put((name + "x", text)))
        if name == "fields" and text[:1] != "[":
            for field in text.split(","):
                yield field, changed(query=put((name, ",".join(other + ("x" if other == field else "") for other in text.split(",")))))
        elif name in ("fields", "metrics", "dimensions"):
            for field in json.loads(text):
                yield field, changed(query=put((name, json.dumps([other + ("x" if other == field else "") for other in json.loads(text)]))))
        else:
            values = misspelt(_decode(text)) if text[:1] in "[{" else [(text, text + "X")] if re.fullmatch(r"[A-Za-z_]{4,}", text) and name != "q" else []
            for what, other in values:
                yield what, changed(query=put((name, other if isinstance(other, str) else json.dumps(other))))
    if entry.content_type == "application/json" and entry.body:
        body = json.loads(entry.body)
        for what, other in misspelt(body):
            yield what, changed(body=json.dumps(other))
        for listed in ("metrics", "dimensions"):
            names = body.get(listed, []) if definition(entry) is tiktok else []
            for name in names:
                yield name, changed(body=json.dumps({**body, listed: [other + ("x" if other == name else "") for other in names]}))
        for what, other in _query(body.get("query", "")):
            yield what, changed(body=json.dumps({**body, "query": other}))
        for number, operation in enumerate(body.get("operations", [])):
            for path in operation.get("updateMask", "").split(",") if "updateMask" in operation else []:
                masked = copy.deepcopy(body)
                masked["operations"][number]["updateMask"] = operation["updateMask"].replace(path, path + "x")
                yield f"the mask {path}", changed(body=json.dumps(masked))
    elif (entry.content_type or "").startswith("multipart/form-data"):
        for name in re.findall(r'form-data; name="([^"]+)"', entry.body):
            yield name, changed(body=entry.body.replace(f'name="{name}"', f'name="{name}x"', 1))
    elif entry.content_type == "application/x-www-form-urlencoded":
        form = parse_qsl(entry.body)
        for number, (name, text) in enumerate(form):
            yield name, changed(body=urlencode(form[:number] + [(name + "x", text)] + form[number + 1:]))
            listed = text[:1] == "["
            fields = [] if name != "fields" else json.loads(text) if listed else text.split(",")
            for field in fields:
                others = [other + ("x" if other == field else "") for other in fields]
                other = json.dumps(others) if listed else ",".join(others)
                yield field, changed(body=urlencode(form[:number] + [(name, other)] + form[number + 1:]))
            for what, other in misspelt(text):
                yield what, changed(body=urlencode(form[:number] + [(name, other)] + form[number + 1:]))


def answers(entry, known):
    """The answer with one name misspelt: of its envelope, and of its first row where the package types rows."""
    if known is tiktok and entry.answer[:1] != "{":
        return  # A report's table, whose columns are the names it was asked for by.
    answer = json.loads(entry.answer)
    if known is tiktok:
        found = ((name, {(key + "x" if key == name else key): member for key, member in answer.items()}) for name in answer)
    elif known is meta:
        rows = isinstance(answer.get("data"), list)
        row = answer["data"][0] if rows and answer["data"] else {} if rows else answer
        found = ((what, {"data": [other]} if rows else other) for what, other in misspelt(row))
    else:
        found = misspelt({**answer, **{rows: answer[rows][:1] for rows in ("results", "rows") if rows in answer}})
    for what, other in found:
        if _WORD.fullmatch(what) or not re.search(rf'(?<!\\\\)"{re.escape(what)}"', entry.answer):
            continue  # Many values are plain texts to the packages, and so is JSON within a text; names are not.
        changed = copy.copy(entry)
        changed.answer = json.dumps(other)
        yield what, changed


def main():
    (entries, world), seen, unnoticed, tried = opened(sys.argv[1]), set(), [], 0
    for entry in entries:
        known = definition(entry)
        kind = known.kind(entry, world)
        if kind in seen or entry.status != 200:
            continue
        seen.add(kind)
        trials = [("request", what, other, known.request_problems) for what, other in requests(entry)]
        if known in (tiktok, google_ads, ga4) or (known is meta and entry.method == "GET" and known.typed(entry, world)):
            trials += [("answer", what, other, known.answer_problems) for what, other in answers(entry, known)]
        for where, what, other, problems in trials:
            tried += 1
            if not problems(other, world):
                unnoticed.append(f"{kind}: `{what}` of the {where}, misspelt, is not noticed")
    for line in dict.fromkeys(unnoticed):
        print(line)
    print(f"{tried} misspellings in {len(seen)} kinds of requests: {f'{len(unnoticed)} FAILED to be noticed' if unnoticed else 'all noticed'}")
    return 1 if unnoticed or not tried else 0


if __name__ == "__main__":
    sys.exit(main())

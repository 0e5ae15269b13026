"""GA4, by the protobuf messages of `google-analytics-data`. Dimensions and metrics are names there; those asked for stand in documented.json."""

import json
import re

from google.analytics import data_v1beta
from google.protobuf import json_format

from . import documented, protobuf

# The JSON form carries a name of its own kind beside the message.
_ANSWER_ONLY = {"kind"}


def _messages(method, path):
    if method == "GET" and re.fullmatch(r"/v1beta/properties/\d+/metadata", path):
        return data_v1beta.GetMetadataRequest.pb(), data_v1beta.Metadata.pb()
    match = re.fullmatch(r"/v1beta/properties/\d+:(\w+)", path)
    name = match and match.group(1)[0].upper() + match.group(1)[1:]
    request = getattr(data_v1beta, f"{name}Request", None)
    if request is None or method != "POST":
        raise ValueError(f"{method} {path}: the package knows no {name}Request")
    return request.pb(), getattr(data_v1beta, f"{name}Response").pb()


def kind(entry, _world):
    """The call, and what is asked for by which dimensions."""
    body = json.loads(entry.body or "{}")
    asked = [",".join(member["name"] for member in body.get(part, [])) for part in ("metrics", "dimensions")]
    return f"ga4 {entry.method} {re.split('[:/]', entry.path)[-1]} {' by '.join(filter(None, asked))}".strip()


def request_problems(entry, _world):
    try:
        request, _ = _messages(entry.method, entry.path)
    except ValueError as error:
        return [str(error)]
    body = json.loads(entry.body or "{}")
    found = [f"a query parameter `{name}`" for name, _ in entry.query]
    try:
        protobuf.read(request, body)
    except json_format.ParseError as error:
        found.append(f"the body does not fit {request.DESCRIPTOR.full_name}: {error}")
    for one in body.get("requests", [body]):
        for part in ("dimensions", "metrics"):
            names = [member.get("name") for member in one.get(part, []) if isinstance(member, dict)]
            found += [f"{part}: {name} is documented nowhere" for name in names if not documented.known(f"ga4 {part}", name)]
    return found


def answer_problems(entry, _world):
    answer = json.loads(entry.answer)
    if entry.status != 200:
        return [] if {"code", "message", "status"} <= set(answer.get("error", {})) else ["an error that is none of Google's"]
    return protobuf.problems(_messages(entry.method, entry.path)[1], {name: value for name, value in answer.items() if name not in _ANSWER_ONLY}, "answer")

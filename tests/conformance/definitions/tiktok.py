"""TikTok, by `tiktok-business-api-sdk-official`: paths and parameters of its API methods, members of its body models, enum values where a model names them.

The package leaves out what documented.json lists; an entry there that the package has by now fails."""

import importlib
import inspect
import json
import pkgutil
import re
from functools import lru_cache

import business_api_client.api
from business_api_client import models

from . import documented

_PREFIX = "/open_api/v1.3/"


def _model(name):
    """A model by its name, also one the package forgets to export; None when it has no such model."""
    if hasattr(models, name):
        return getattr(models, name)
    module = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    if module not in {info.name for info in pkgutil.iter_modules(models.__path__)}:
        return None
    return getattr(importlib.import_module(f"business_api_client.models.{module}"), name)


class Call:
    """One method of the package: path, HTTP method, query parameters with their types, and the body's model."""

    def __init__(self, name, function):
        source, doc = inspect.getsource(function), inspect.getdoc(function) or ""
        self.path, self.method = re.search(rf"'({_PREFIX}[^']+)', '([A-Z]+)'", source).groups()
        types = {found[1]: found[0] for found in re.findall(r":param ([\w\[\]]+) (\w+):", doc)}
        self.query = {name: types.get(name) for name in re.findall(r"query_params\.append\(\('(\w+)'", source)}
        self.required = set(re.findall(r":param [\w\[\]]+ (\w+):[^\n]*\(required\)", doc)) - {"access_token"}
        self.form = {name: types.get(name) for name in re.findall(r"(?:form_params\.append\(\(|local_var_files\[)'(\w+)'", source)}
        self.body = _model(types["body"]) if "body" in types else None
        filtering = "Filtering" + "".join(part.capitalize() for part in name.removesuffix("_with_http_info").split("_"))
        if "object" in (self.query.get("filtering") or "") and _model(filtering):
            self.query["filtering"] = self.query["filtering"].replace("object", filtering)


@lru_cache(maxsize=None)
def calls():
    """Every call of the package by method and path."""
    table = {}
    for info in pkgutil.iter_modules(business_api_client.api.__path__):
        for _, cls in inspect.getmembers(importlib.import_module(f"business_api_client.api.{info.name}"), inspect.isclass):
            for name, function in inspect.getmembers(cls, inspect.isfunction):
                if name.endswith("_with_http_info") and _PREFIX in inspect.getsource(function):
                    call = Call(name, function)
                    table.setdefault((call.method, call.path), call)
    return table


def _enum(cls, name):
    """The values a model's own text lists for a member, if it lists any."""
    text = inspect.getdoc(getattr(cls, name)) or ""
    listed = re.search(r"Enum values?[^`]*((?:`[^`]+`[^`]*)+)", text)
    return set(re.findall(r"`([A-Z][A-Z0-9_]+)`", listed.group(1))) if listed else set()


def value_problems(kind, value, where, place):
    """What about `value` is not of the type the package gives it."""
    if kind is None or value is None:
        return []
    if kind.startswith("list["):
        if not isinstance(value, list):
            return [f"{where} = {value!r}: expected a list"]
        return [problem for number, member in enumerate(value) for problem in value_problems(kind[5:-1], member, f"{where}[{number}]", place)]
    if kind in ("int", "float"):
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and (kind == "float" or float(value).is_integer())
        return [] if fits else [f"{where} = {value!r}: expected {kind}"]
    if kind == "bool":
        return [] if isinstance(value, bool) else [f"{where} = {value!r}: expected {kind}"]
    if kind == "str":
        return word_problems(value, where) if isinstance(value, str) else [f"{where} = {value!r}: expected {kind}"]
    cls = _model(kind)
    return object_problems(cls, value, where, place) if cls else []


def object_problems(cls, value, where, place):
    """Members of an object that its model does not have, and values that are none of what the model lists."""
    if not isinstance(value, dict):
        return [f"{where} = {value!r}: expected an object ({cls.__name__})"]
    types = {cls.attribute_map[name]: (name, kind) for name, kind in cls.swagger_types.items()}
    found = []
    for name, member in value.items():
        if name not in types:
            if not documented.known(place, name):
                found.append(f"{where}.{name}: no member of {cls.__name__}")
            continue
        attribute, kind = types[name]
        if not (isinstance(member, str) and member in _enum(cls, attribute)):
            found += value_problems(kind, member, f"{where}.{name}", place)
    return found


def word_problems(text, where):
    """Upper-case words are enum values: those no model lists must be documented under their member's name."""
    if text[:1] == "[":  # A list as text, which filters of reports take.
        return [problem for member in json.loads(text) for problem in word_problems(str(member), where)]
    name = where.rsplit(".", 1)[-1].split("[")[0]
    unknown = re.fullmatch(r"[A-Z][A-Z0-9_]{2,}", text) and not documented.known(f"tiktok values of {name}", text)
    return [f"{where} = {text!r}: neither the package nor documented.json lists it"] if unknown else []


def _undefined(value, where, place):
    """Names and words of a body the package does not define at all."""
    if isinstance(value, dict):
        return [problem for name, member in value.items() for problem in
                ([] if documented.known(place, name) else [f"{where}.{name}: not documented for {place}"]) + _undefined(member, f"{where}.{name}", place)]
    if isinstance(value, list):
        return [problem for member in value for problem in _undefined(member, where, place)]
    return word_problems(value, where) if isinstance(value, str) else []


def stale():
    """Calls listed by hand that the package has by now."""
    return [f"documented.json: the package has {place} by now" for place in documented.PLACES if tuple(place.split(" ")) in calls()]


def _decoded(kind, text):
    """A query parameter as its type: lists and objects are JSON texts, numbers and booleans plain."""
    return json.loads(text) if kind and kind != "str" else text


def kind(entry, _world):
    """Method and path; of a report its type and level, of a write what it sets, unless that is a whole object."""
    said, query = f"tiktok {entry.method} {entry.path.removeprefix(_PREFIX)}", dict(entry.query)
    for name in ("report_type", "data_level"):
        said += f" {name}={query[name]}" if name in query else ""
    if entry.method == "POST" and entry.content_type == "application/json":
        sent = sorted(name for name in json.loads(entry.body) if not name.endswith(("_id", "_ids")))
        said += " " + ("+".join(sent) if len(sent) <= 3 else "whole")
    return said


def request_problems(entry, _world):
    """What this request has that the package does not know."""
    call, place = calls().get((entry.method, entry.path)), f"{entry.method} {entry.path}"
    found = [] if "access-token" in entry.headers else ["no Access-Token header"]
    if call is None and place not in documented.PLACES:
        return found + [f"{place}: the package has no such call"]
    for name, text in entry.query:
        if call is None or name not in call.query:
            if not documented.known(place, name):
                found.append(f"parameter `{name}`: unknown to {place}")
            continue
        try:
            found += value_problems(call.query[name], _decoded(call.query[name], text), name, place)
        except ValueError:
            found.append(f"{name} = {text!r}: expected {call.query[name]} as JSON")
    if entry.method == "GET":
        for name, listed in (("fields", "fields"), ("metrics", "metrics"), ("dimensions", "dimensions")):
            for value in json.loads(dict(entry.query).get(name, "[]")):
                if value not in _members(entry.path) and not documented.known(f"{place} {listed}", value):
                    found.append(f"{name}: {value} is documented nowhere for {place}")
    elif entry.content_type == "application/json":
        body = json.loads(entry.body)
        for listed in ("metrics", "dimensions") if entry.path.endswith("/report/task/create/") else ():
            # A report is asked for by the same names, at once or as a task.
            same = f"GET {_PREFIX}report/integrated/get/ {listed}"
            found += [f"body.{listed}: {name} is documented nowhere for {place}" for name in body.get(listed, []) if not documented.known(same, name)]
        if call is None:
            found += _undefined(body, "body", place)
        elif call.body is None:
            # Uploads by address: the package sends the same members as a form.
            for name, member in body.items():
                found += value_problems(call.form[name], member, f"body.{name}", place) if name in call.form else [f"body.{name}: unknown to {place}"]
        else:
            found += object_problems(call.body, body, "body", place)
            found += [f"body.{name} is required" for name in _required(call.body) if name not in body]
    elif call is not None:
        found += [f"form field `{name}`: unknown to {place}" for name in _form_names(entry) if name not in call.form]
    if call is not None:
        found += [f"parameter `{name}` is required" for name in call.required if entry.method == "GET" and name not in dict(entry.query)]
    return found


def answer_problems(entry, _world):
    """What the envelope has that the package does not know; what is inside it types no further."""
    if entry.path.endswith("/report/task/download/") and not entry.answer.startswith("{"):
        return []  # The table itself, outside any envelope.
    known = set(models.InlineResponse200.attribute_map.values())
    return [f"the answer's envelope has `{name}`" for name in json.loads(entry.answer) if name not in known]


@lru_cache(maxsize=None)
def _members(path):
    """What the package's bodies and filters of the same object (`campaign/create/` of `campaign/get/`) call its members."""
    prefix, names = path.removesuffix("get/"), set()
    for other in ("create/", "update/", "status/update/"):
        call = calls().get(("POST", prefix + other))
        names |= set(call.body.attribute_map.values()) if call and call.body else set()
    return names


def _required(cls):
    """Members the model refuses to be without."""
    missing = []
    for name in cls.swagger_types:
        if "must not be `None`" in inspect.getsource(getattr(cls, name).fset):
            missing.append(cls.attribute_map[name])
    return missing


def _form_names(entry):
    return re.findall(r'form-data; name="([^"]+)"', entry.body)

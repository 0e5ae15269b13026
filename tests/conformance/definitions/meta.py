"""Meta, by the object classes of `facebook-business`: edges and their parameters as its own request builders know them, fields by its Field classes."""

import importlib
import inspect
import json
import re
from functools import lru_cache
from urllib.parse import parse_qsl

from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adcreative import AdCreative
from facebook_business.adobjects.adimage import AdImage
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.adsinsights import AdsInsights
from facebook_business.adobjects.campaign import Campaign
from facebook_business.adobjects.user import User
from facebook_business.adobjects.adreportrun import AdReportRun
from facebook_business.adobjects.advideo import AdVideo
from facebook_business.api import FacebookAdsApi
from facebook_business.session import FacebookSession

from . import documented

VERSION = FacebookAdsApi.API_VERSION
# What every read of the Graph API takes, whatever it is about; cursors and field lists are not among an edge's own parameters.
_GENERAL = {"GET": {"fields", "limit", "after", "before", "appsecret_proof"}, "POST": {"appsecret_proof"}, "DELETE": {"appsecret_proof"}}
# Node classes by the edge whose rows, or whose creations, carry their ids.
_NODES = {"campaigns": Campaign, "adsets": AdSet, "ads": Ad, "adcreatives": AdCreative, "advideos": AdVideo}
_API = FacebookAdsApi(FacebookSession(access_token="none"))


class World:
    """Which ids stand for what, learned from the answers in the record's own order."""

    def __init__(self):
        self.ids = {}

    def node(self, name):
        if name == "me":
            return User
        return AdAccount if re.fullmatch(r"act_\d+", name) else self.ids.get(name)

    def learn(self, entry):
        parts = entry.path.strip("/").split("/")
        if entry.status != 200 or len(parts) != 3:
            return
        answer = json.loads(entry.answer)
        if parts[2] in _NODES:
            rows = answer.get("data", []) if entry.method == "GET" else [answer]
            self.ids.update({row["id"]: _NODES[parts[2]] for row in rows if "id" in row})
        if parts[2] == "insights" and entry.method == "POST" and "report_run_id" in answer:
            self.ids[answer["report_run_id"]] = AdReportRun


@lru_cache(maxsize=None)
def edges(cls):
    """Every request the class can build, by method and edge; "" is the node itself."""
    node, table = cls(fbid="1", api=_API), {}
    for name, method in inspect.getmembers(cls, callable):
        if name.startswith(("get_", "create_", "delete_", "api_")) and "pending" in inspect.signature(method).parameters:
            try:
                request = getattr(node, name)(pending=True)
            except TypeError:
                continue  # It wants a parent: the parent's class builds the same request.
            if request is not None:
                table[(request._method, request._endpoint)] = request
    return table


def _class(name):
    try:
        return getattr(importlib.import_module(f"facebook_business.adobjects.{name.lower()}"), name, None)
    except ImportError:
        return None


def _inner(kind, outer):
    return [part.strip() for part in kind[len(outer):].strip("<>").split(",")]


def _names(cls):
    return {value for name, value in vars(cls.Field).items() if not name.startswith("_")}


def value_problems(kind, value, enums, where):
    """What about `value` is not of the type the package gives it, down to the fields of objects and the values of enums."""
    if kind is None or value is None:
        return []
    if kind in enums:
        allowed = [known for known in enums[kind] if isinstance(known, str) and not known.startswith("facebook_business")]
        return [] if value in allowed else [f"{where} = {value!r}: not one of {kind} {sorted(allowed)[:60]}"]
    if kind.startswith("list"):
        if not isinstance(value, list):
            return [f"{where} = {value!r}: expected a list"]
        inner = _inner(kind, "list")[0] if "<" in kind else None
        return [problem for number, member in enumerate(value) for problem in value_problems(inner, member, enums, f"{where}[{number}]")]
    if kind.startswith("map") or kind == "Object":
        if not isinstance(value, dict):
            return [f"{where} = {value!r}: expected an object"] if kind != "Object" else []
        if where.startswith("answer"):
            return []
        place = f"meta {where.split('[')[0]}"
        return _undefined(value, where, place)
    if kind in ("unsigned int", "int", "float"):
        fits = re.fullmatch(r"\d+" if kind == "unsigned int" else r"-?\d+(\.\d+)?", str(value)) and not isinstance(value, bool)
        return [] if fits else [f"{where} = {value!r}: expected {kind}"]
    if kind == "bool":
        return [] if value in (True, False, "true", "false") else [f"{where} = {value!r}: expected {kind}"]
    if kind in ("string", "datetime", "file"):
        return [] if where.startswith("answer") or not isinstance(value, str) else word_problems(value, where)
    cls = _class(kind)
    if cls is None or not isinstance(value, dict):
        return []  # An enum of another class, written without it, or a reference by id.
    return object_problems(cls, value, where)


def word_problems(text, where):
    """Upper-case words are enum values: those no class lists must be documented under their member's name."""
    name = where.rsplit(".", 1)[-1].split("[")[0]
    unknown = re.fullmatch(r"[A-Z][A-Z0-9_]{3,}", text) and not documented.known(f"meta values of {name}", text)
    return [f"{where} = {text!r}: neither the package nor documented.json lists it"] if unknown else []


def _undefined(value, where, place):
    """Names and words of an object the package types as no more than a map; ids among its names are none."""
    if isinstance(value, dict):
        return [problem for name, member in value.items() for problem in
                ([] if name.isdigit() or documented.known(place, name) else [f"{where}.{name}: documented nowhere"]) + _undefined(member, f"{where}.{name}", place)]
    if isinstance(value, list):
        return [problem for member in value for problem in _undefined(member, where, place)]
    return word_problems(value, where) if isinstance(value, str) else []


def object_problems(cls, value, where):
    """Members of an object that its class does not have, and values its types do not allow."""
    types, enums, known, found = getattr(cls, "_field_types", {}), cls._get_field_enum_info(), _names(cls), []
    if cls is AdsInsights:  # Rows of a divided report carry the part under the name of the breakdown.
        known |= {value for value in vars(cls.Breakdowns).values() if isinstance(value, str)}
    for name, member in value.items():
        if name not in known:
            if not documented.known(f"meta {cls.__name__}", name):
                found.append(f"{where}.{name}: no field of {cls.__name__}")
            continue
        # Some members are typed as texts although the class lists their values under the same name.
        kind, listed = types.get(name), "".join(part.capitalize() for part in name.split("_"))
        kind = kind.replace("string", listed) if kind in ("string", "list<string>") and listed in enums else kind
        found += value_problems(kind, member, enums, f"{where}.{name}")
    return found


def _expand(text):
    """`a,b{c,d}` as [("a", []), ("b", [...])]; arguments in brackets after a name are left out."""
    out, depth, start = [], 0, 0
    for at, sign in enumerate(text + ","):
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            part = re.fullmatch(r"([\w.]+?)(?:\.\w+\([^)]*\))*(?:\{(.*)\})?", text[start:at].strip())
            out.append((part.group(1), _expand(part.group(2)) if part and part.group(2) else []) if part else (text[start:at], []))
            start = at + 1
    return out


def _field_problems(cls, wanted, where):
    found = []
    for name, inner in wanted:
        edge = edges(cls).get(("GET", name)) if cls and hasattr(cls, "api_get") else None
        if name not in _names(cls) and edge is None:
            found.append(f"{where}: no field {name} of {cls.__name__}")
            continue
        kind = getattr(cls, "_field_types", {}).get(name, "")
        target = edge._target_class if edge else _class(_inner(kind, "list")[0] if kind.startswith("list") else kind)
        if inner and target:
            found += _field_problems(target, inner, f"{where}.{name}")
    return found


def _parts(entry):
    version, node, *edge = entry.path.strip("/").split("/")
    return version, node, "/".join(edge)


def _is_file(entry):
    return (entry.content_type or "").startswith("multipart/form-data")


def _sent(entry):
    if entry.content_type == "application/json":
        return list(json.loads(entry.body or "{}").items())
    if _is_file(entry):
        # A file stands here by its name; what is in it no class knows.
        return re.findall(r'form-data; name="([^"]+)"; filename="([^"]+)"', entry.body)
    return parse_qsl(entry.body, keep_blank_values=True)


def _decoded(value):
    try:
        return json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value
    except ValueError:
        return value


def kind(entry, world):
    """Method, kind of node, edge; of a report its level and breakdowns, of an update what it sets."""
    _, node, edge = _parts(entry)
    cls = world.node(node)
    said = f"meta {entry.method} {{{cls.__name__}}}{'/' + edge if edge else ''}" if cls else f"meta {_place(entry)}"
    query = dict(entry.query)
    for name in ("level", "breakdowns"):
        said += f" {name}={query[name]}" if name in query else ""
    sent = sorted(name for name, _ in _sent(entry)) if entry.method == "POST" and not edge else []
    return said + (f" {'+'.join(sent) if len(sent) <= 3 else 'whole'}" if sent else "")


def _made(entry, world):
    """The class of what a request makes or changes."""
    _, node, edge = _parts(entry)
    return _NODES.get(edge, world.node(node)) if edge else world.node(node)


def _place(entry):
    """A path that belongs to no object, as documented.json names it: `GET /debug_token`."""
    _, node, edge = _parts(entry)
    return f"{entry.method} /{node}{'/' + edge if edge else ''}"


def _request(entry, world):
    """The package's own request for this path, or None for one that documented.json has; a ValueError where there is neither."""
    version, node, edge = _parts(entry)
    cls = world.node(node)
    if version != VERSION:
        raise ValueError(f"{version}: the package speaks {VERSION}")
    if cls is None and _place(entry) in documented.PLACES:
        return None
    if cls is None:
        raise ValueError(f"{node}: no answer in the record says what this is, and documented.json has no {_place(entry)}")
    request = edges(cls).get((entry.method, edge))
    if request is None:
        raise ValueError(f"{cls.__name__} has no {entry.method} /{edge}")
    return request


def typed(entry, world):
    """Whether the package types what is answered."""
    return _request(entry, world) is not None


def request_problems(entry, world):
    """What this request has that the package does not know."""
    try:
        request = _request(entry, world)
    except ValueError as error:
        return [str(error)]
    if request is None:
        sent, place = entry.query + (_sent(entry) if entry.method == "POST" else []), _place(entry)
        found = [f"parameter `{name}`: not documented for {place}" for name, _ in sent if name not in _GENERAL[entry.method] and not documented.known(place, name)]
        return found + [f"type = {value!r}: not documented for {place}" for name, value in sent if name == "type" and not documented.known(f"{place} type", value)]
    checker, found = request._param_checker, []
    for name, value in entry.query + (_sent(entry) if entry.method == "POST" else []):
        kind = checker.get_type(name) or ""
        if kind == "Object":  # What is made has the class that its reading has.
            kind = _made(entry, world)._field_types.get(name, kind)
        if name == "fields":
            # An asynchronous report is asked for the fields of its rows.
            rows = AdsInsights if request._target_class is AdReportRun and request._endpoint == "insights" else request._target_class
            wanted = [(field, []) for field in json.loads(value)] if value[:1] == "[" else _expand(value)
            found += _field_problems(rows, wanted, "fields")
        elif checker.is_valid_key(name):
            decoded = _decoded(value)
            # Lists may be written with commas.
            decoded = decoded.split(",") if kind.startswith("list") and isinstance(decoded, str) else decoded
            found += value_problems(kind, decoded, checker._enum_data, name)
        elif _is_file(entry) and AdImage._field_types.get(name) == "file":
            pass  # The package adds an image's file to the request by the name of this field.
        elif name not in _GENERAL[entry.method]:
            found.append(f"parameter `{name}`: unknown to {entry}")
    return found


def answer_problems(entry, world):
    """Fields and enum values of an answer that its class does not have; an error is an object with a code."""
    answer = json.loads(entry.answer)
    if entry.status != 200:
        return [] if isinstance(answer.get("error", {}).get("code"), int) else ["an error without a code"]
    if entry.method != "GET":
        return []
    request = _request(entry, world)
    if request is None:
        return []
    rows = answer.get("data", []) if request._api_type == "EDGE" else [answer]
    return [problem for row in rows[:50] for problem in object_problems(request._target_class, row, "answer")]

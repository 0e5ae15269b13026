"""Google Ads, by the protobuf messages of `google-ads`: a body is what its request message reads strictly, an answer what its response message reads."""

import importlib
import json
import pkgutil
import re

from google.protobuf import json_format

from . import protobuf

VERSION = "v26"
_PACKAGE = f"google.ads.googleads.{VERSION}"
_MODULES = {info.name for info in pkgutil.iter_modules(importlib.import_module(f"{_PACKAGE}.services.types").__path__)}
_FAILURE = importlib.import_module(f"{_PACKAGE}.errors.types.errors").GoogleAdsFailure.pb()
# Single messages a query may select whole; others only by their members.
_SELECTABLE = {"FieldMask", "ChangedResource"}
_KEYWORDS = {"TODAY", "YESTERDAY", "LAST_7_DAYS", "LAST_14_DAYS", "LAST_30_DAYS", "LAST_BUSINESS_WEEK", "THIS_MONTH", "LAST_MONTH",
             "THIS_WEEK_SUN_TODAY", "THIS_WEEK_MON_TODAY", "LAST_WEEK_SUN_SAT", "LAST_WEEK_MON_SUN"}


def _snake(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _message(module, name):
    """The protobuf class `name`, or None when the package has no such message."""
    if module not in _MODULES:
        return None
    found = getattr(importlib.import_module(f"{_PACKAGE}.services.types.{module}"), name, None)
    return found.pb() if found else None


def _singular(collection):
    for ending, other in (("ies", "y"), ("teria", "terion"), ("s", "")):
        if collection.endswith(ending):
            return collection[: -len(ending)] + other
    return collection


def messages(path):
    """Request and response class of a REST path under the version, and the customer in it; a ValueError where the package has no such method."""
    match = re.fullmatch(rf"/{VERSION}/(?:customers/(\d+)/)?(\w+):(\w+)", path)
    if not match:
        raise ValueError(f"{path} is no path of Google Ads {VERSION}")
    customer, collection, verb = match.groups()
    names = {"search": "SearchGoogleAds", "searchStream": "SearchGoogleAdsStream", "mutate": "MutateGoogleAds"}
    if collection == "googleAds" and verb in names:
        module, name = "google_ads_service", names[verb]
    elif verb.endswith(collection[0].upper() + collection[1:]):
        module, name = _snake(_singular(collection)) + "_service", verb[0].upper() + verb[1:]
    else:
        module, name = _snake(_singular(collection)) + "_service", verb[0].upper() + verb[1:] + collection[0].upper() + collection[1:]
    request, response = _message(module, name + "Request"), _message(module, name + "Response")
    if request is None or response is None or ("customer_id" in request.DESCRIPTOR.fields_by_name) != (customer is not None):
        raise ValueError(f"{path}: the package knows no {name}Request {'for' if customer else 'without'} a customer")
    return request, response, customer


def message_problems(response, status, answer):
    """What an answer, or each part of a stream, holds that the official messages do not, or write in another form (64-bit integers are texts)."""
    problems = []
    for part in answer if isinstance(answer, list) else [answer]:
        if status == 200:
            problems += protobuf.problems(response, part, "answer")
            continue
        error = part.get("error", {}) if isinstance(part, dict) else {}
        problems += [f"an error without `{name}`" for name in ("code", "message", "status") if name not in error]
        for detail in error.get("details", []):
            if detail.get("@type", "").endswith("GoogleAdsFailure"):
                if detail["@type"] != f"type.googleapis.com/{_FAILURE.DESCRIPTOR.full_name}":
                    problems.append(f"{detail['@type']} is no message of {VERSION}")
                problems += protobuf.problems(_FAILURE, {name: value for name, value in detail.items() if name != "@type"}, "error")
    return problems


def _resolve(row, dotted):
    """The descriptor a query's field stands for, or None."""
    here, field = row, None
    for part in dotted.split("."):
        # The package writes names that Python keeps for itself with an underscore behind; on the wire they have none.
        field = None if here is None or part.endswith("_") else here.fields_by_name.get(part) or here.fields_by_name.get(part + "_")
        if field is None:
            return None
        here = field.message_type
    return field


def gaql(query):
    """A query's parts: selected fields, resource, conditions as (field, operator, values), ordering fields."""
    text = " ".join(query.split())
    match = re.fullmatch(r"SELECT (.+?) FROM (\w+)(?: WHERE (.+?))?(?: ORDER BY (.+?))?(?: LIMIT \d+)?(?: PARAMETERS .+)?", text)
    if not match:
        raise ValueError(f"not a query: {text}")
    selected, resource, where, order = match.groups()
    conditions = []
    for condition in re.split(r" AND (?!'[^']*'(?: AND |$))", where or ""):
        found = re.fullmatch(r"\s*([\w.]+)\s*(=|!=|>=|<=|>|<|IN|NOT IN|BETWEEN|DURING|LIKE|NOT LIKE|CONTAINS \w+|IS NULL|IS NOT NULL)\s*(.*)", condition)
        if condition and not found:
            raise ValueError(f"not a condition: {condition}")
        if found:
            values = re.findall(r"'([^']*)'|\"([^\"]*)\"|([\w.+-]+)", found.group(3))
            conditions.append((found.group(1), found.group(2), ["".join(value) for value in values if "".join(value) != "AND"]))
    ordering = [part.split()[0] for part in (order or "").split(",") if part.strip()]
    return [field.strip() for field in selected.split(",")], resource, conditions, ordering


def query_problems(query):
    """Fields, resources and enum literals of a query that the descriptors do not have."""
    row = _message("google_ads_service", "GoogleAdsRow").DESCRIPTOR
    try:
        selected, resource, conditions, ordering = gaql(query)
    except ValueError as error:
        return [str(error)]
    problems = [] if resource in row.fields_by_name else [f"FROM {resource}: no resource"]
    for name in selected + ordering + [condition[0] for condition in conditions]:
        field = _resolve(row, name)
        if field is None:
            problems.append(f"{name}: no field of a GoogleAdsRow")
        elif name in selected and field.message_type is not None and not field.is_repeated and field.message_type.name not in _SELECTABLE:
            problems.append(f"{name}: a message, which cannot be selected")
    for name, operator, values in conditions:
        field = _resolve(row, name)
        if field is not None and field.enum_type is not None:
            problems += [f"{name} {operator} '{value}': no value of {field.enum_type.full_name}"
                         for value in values if value not in field.enum_type.values_by_name]
        if operator == "DURING":
            problems += [f"{name} DURING {value}: no such range" for value in values if value not in _KEYWORDS]
    return problems


def _mask_problems(operation, where):
    """A mask names fields of the message, and what is sent but not masked would be dropped without a word."""
    problems = []
    descriptor = operation.DESCRIPTOR.fields_by_name["update"].message_type
    masked = list(operation.update_mask.paths)
    for path in masked:
        if _resolve(descriptor, path) is None:
            problems.append(f"{where}: the mask names {path}, which {descriptor.full_name} does not have")
    for field, _ in operation.update.ListFields():
        if field.name != "resource_name" and not any(path.split(".")[0] == field.name for path in masked):
            problems.append(f"{where}: {field.name} is sent and not masked")
    return problems


def _operations(message):
    """Every single operation of a mutate with a name for its kind."""
    for operation in getattr(message, "operations", None) or message.mutate_operations:
        kind = operation.WhichOneof("operation")
        if kind in ("create", "update", "remove"):
            yield "", kind, operation
        else:
            inner = getattr(operation, kind)
            yield kind.removesuffix("_operation"), inner.WhichOneof("operation"), inner


def kind(entry, _world):
    """The request kind: the method and what is queried, or what a mutate does to what."""
    _, call = entry.path.rsplit("/", 1)
    body = json.loads(entry.body or "{}")
    if call.startswith("googleAds:search"):
        selected, resource, _, _ = gaql(body["query"])
        return f"google POST {call} {resource} ({', '.join(sorted({name.split('.')[0] for name in selected}))})"
    if call.endswith(":mutate"):
        request, _, customer = messages(entry.path)
        said = set()
        for what, verb, operation in _operations(json_format.ParseDict(body, request(), ignore_unknown_fields=True)):
            masked = f" {'+'.join(sorted(operation.update_mask.paths))}" if verb == "update" else ""
            said.add(f"{what + ' ' if what else ''}{verb}{masked}")
        return f"google POST {call} {', '.join(sorted(said))}"
    return f"google {entry.method} {call}"


def request_problems(entry, _world):
    """What this request has that the package does not know."""
    try:
        request, _, customer = messages(entry.path)
    except ValueError as error:
        return [str(error)]
    found = [f"a query parameter `{name}`: Google Ads takes none here" for name, _ in entry.query]
    if entry.method != "POST":
        return found
    body = json.loads(entry.body or "null")
    try:
        message = protobuf.read(request, {**body, **({"customerId": customer} if customer else {})})
    except (json_format.ParseError, TypeError) as error:
        return found + [f"the body does not fit {request.DESCRIPTOR.full_name}: {str(error).splitlines()[0]}"]
    if "/googleAds:search" in entry.path:
        found += query_problems(body["query"])
    if entry.path.endswith(":mutate"):
        for number, (_, verb, operation) in enumerate(_operations(message)):
            found += _mask_problems(operation, f"operation {number}") if verb == "update" else []
    return found


def answer_problems(entry, _world):
    """What the answer has that the package does not know."""
    return message_problems(messages(entry.path)[1], entry.status, json.loads(entry.answer))

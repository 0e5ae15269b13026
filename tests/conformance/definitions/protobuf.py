"""JSON held against protobuf messages, strictly both ways."""

from google.protobuf import json_format


def read(cls, value):
    """`value` as the message reads it; unknown names, enum values and types raise json_format.ParseError."""
    return json_format.ParseDict(value, cls(), ignore_unknown_fields=False)


def canonical(value):
    """A JSON value with what protobuf's own writer leaves out or writes differently brought into one form."""
    if isinstance(value, dict):
        kept = {key: canonical(member) for key, member in value.items()}
        return {key: member for key, member in kept.items() if member not in ({}, [])}
    if isinstance(value, list):
        return [canonical(member) for member in value]
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def differences(sent, written, where):
    """Where an answer differs from how protobuf itself writes the same message."""
    if isinstance(sent, dict) and isinstance(written, dict):
        return [problem for name in sorted(set(sent) | set(written))
                for problem in differences(sent.get(name), written.get(name), f"{where}.{name}")]
    if isinstance(sent, list) and isinstance(written, list) and len(sent) == len(written):
        return [problem for number, pair in enumerate(zip(sent, written)) for problem in differences(*pair, f"{where}[{number}]")][:20]
    return [] if sent == written else [f"{where} = {sent!r}: protobuf's JSON has {written!r}"]


def problems(cls, value, where):
    """What `value` has that the message has not, or writes in another form than protobuf does."""
    try:
        return differences(canonical(value), canonical(json_format.MessageToDict(read(cls, value))), where)
    except (json_format.ParseError, TypeError, AttributeError) as error:
        return [f"{where} does not fit {cls.DESCRIPTOR.full_name}: {error}"]

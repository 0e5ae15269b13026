"""JSON over plain HTTP to the sandbox, without any proxy of the environment."""

import json
import urllib.error
import urllib.request

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method, url, headers, body=None):
    """Status and decoded answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {**headers, "Content-Type": "application/json"}, method=method)
    try:
        with _OPENER.open(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text[:1] in (b"{", b"[") else text.decode()


def next_fault(base, kind):
    """Lets the sandbox's next answer be one of its faults, in the platform's own form."""
    status, answer = call("POST", f"{base}/_sandbox/faults", {}, {"rules": [{"kind": kind, "count": 1}]})
    assert status == 200, answer

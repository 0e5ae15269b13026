"""Google's token endpoint, by `google-auth`: what its own client would send for a grant, and nothing else."""

import json
from urllib.parse import parse_qsl

from google.auth import exceptions
from google.oauth2 import _client




def _fields(grant, **arguments):
    """The form fields the official client sends for a grant, caught before they leave."""
    caught = {}

    def request(method, url, headers, body):
        caught.update(parse_qsl(body.decode()))
        raise exceptions.TransportError("caught")

    try:
        grant(request, "https://oauth2.googleapis.com/token", **arguments, can_retry=False)
    except exceptions.GoogleAuthError:
        pass
    return caught


def _known():
    refresh = _fields(_client.refresh_grant, refresh_token="r", client_id="c", client_secret="s", scopes=["s"], rapt_token="t")
    assertion = _fields(_client.jwt_grant, assertion="a")
    return {form["grant_type"]: set(form) for form in (refresh, assertion)}


def kind(entry, _world):
    return f"google POST /token {dict(parse_qsl(entry.body)).get('grant_type')}"


def request_problems(entry, _world):
    form, known = dict(parse_qsl(entry.body)), _known()
    found = [f"a query parameter `{name}`" for name, _ in entry.query]
    if (entry.method, entry.path) != ("POST", "/token"):
        found.append(f"{entry}: the official client posts to /token")
    if entry.content_type != "application/x-www-form-urlencoded":
        found.append(f"the token endpoint takes a form, not {entry.content_type}")
    if form.get("grant_type") not in known:
        return found + [f"grant_type {form.get('grant_type')}: no grant of the official client"]
    return found + [f"field `{name}`: the official client sends none for this grant" for name in form if name not in known[form["grant_type"]]]


def answer_problems(entry, _world):
    missing = {"access_token", "expires_in"} - set(json.loads(entry.answer)) if entry.status == 200 else set()
    return [f"the answer lacks {name}" for name in sorted(missing)]

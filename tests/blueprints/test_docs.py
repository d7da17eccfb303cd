"""The documents that are generated from the code: whole, true to the routes, and read without any other site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.relay import APP_EVENTS
from schemas.sockets import CLIENT_EVENTS, SERVER_EVENTS
from tests.blueprints.answers import MODELS, call_of
from tests.support.api import Api

METHODS = {"get", "post", "put", "patch", "delete"}
OPEN = {"/api/auth/register", "/api/auth/login", "/api/auth/refresh", "/api/auth/logout"}
OF_SERVICES = {"/api/relay/emit", "/api/relay/messages"}


def opened_by(path: str) -> list[dict[str, list[str]]]:
    """Which tokens open a call that is not open to all."""
    return [{"serviceToken": []}] if path in OF_SERVICES else [{"token": []}, {"serviceToken": [], "actAs": []}]


@pytest.fixture
def openapi(api: Api) -> dict[str, Any]:
    """The document of the REST calls."""
    document: dict[str, Any] = api.answer("GET", "/openapi.json")
    return document


def calls(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation: its method, its path, and what the document says of it."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield method, path, operation


def references(part: object) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def resolve(document: Any, reference: str) -> Any:
    """What a reference within the document points to. Raises KeyError."""
    assert reference.startswith("#/"), reference
    for name in reference[2:].split("/"):
        document = document[name.replace("~1", "/").replace("~0", "~")]
    return document


def test_every_reference_leads_somewhere(api: Api) -> None:
    for path in ("/openapi.json", "/asyncapi.json"):
        document = api.answer("GET", path)
        found = list(references(document))
        assert len(found) > 20
        for reference in found:
            assert resolve(document, reference)


def test_the_rest_document_is_well_formed(openapi: dict[str, Any]) -> None:
    assert openapi["openapi"].startswith("3.1.")
    assert openapi["info"]["title"] == "Parley"
    assert openapi["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    names = [operation["operationId"] for _, _, operation in calls(openapi)]
    assert len(names) == len(set(names))
    for method, path, operation in calls(openapi):
        assert method in METHODS
        assert operation["summary"], path
        declared = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))
        assert all(one["required"] for one in operation.get("parameters", []) if one["in"] == "path")
        assert all(answer["description"] for answer in operation["responses"].values())


def test_every_call_has_its_models(openapi: dict[str, Any]) -> None:
    documented = {}
    for method, path, operation in calls(openapi):
        refused = operation["responses"]["default"]["content"]["application/json"]["schema"]
        assert refused == {"$ref": "#/components/schemas/Failure"}
        assert any(status.startswith("2") for status in operation["responses"])
        assert (operation["security"] == opened_by(path)) is (path not in OPEN), path
        assert {name for one in operation["security"] for name in one} <= set(openapi["components"]["securitySchemes"])
        documented[call_of(method.upper(), re.sub(r"{\w+}", "x", path.removeprefix("/api")))] = operation
    for call, models in MODELS.items():
        operation = documented[call]
        for status, model in models.items():
            content = operation["responses"][str(status)].get("content")
            if model is not None:
                schema = content["application/json"]["schema"]
                assert schema == {"$ref": f"#/components/schemas/{model.__name__}"}, call
            else:
                assert not content, call
        if call[0] in {"POST", "PUT", "PATCH"}:
            assert operation["requestBody"]["content"], call


def test_headers_are_documented(openapi: dict[str, Any]) -> None:
    [header] = openapi["paths"]["/api/upload"]["post"]["parameters"]
    assert (header["name"], header["in"], header.get("required", False)) == ("X-Upload-Id", "header", False)


def test_every_route_is_documented(openapi: dict[str, Any], api: Api) -> None:
    """Each call that the server knows answers something else than `There is no such call`, and is in the document."""
    documented = {(method, path) for method, path, _ in calls(openapi)}
    for path in openapi["paths"]:
        for method in METHODS:
            response = api.request(method.upper(), re.sub(r"{\w+}", "x", path.removeprefix("/api")))
            known = response.json()["message"] != "There is no such call"
            # `/users/me` is `/users/{user_id}` too.
            assert known is ((method, path) in documented), (method, path)


def test_the_page_needs_no_other_site(api: Api) -> None:
    page = api.root("/docs")
    assert page.status_code == 200
    linked = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert linked
    for address in linked:
        assert address.startswith("/"), address
        assert not address.startswith("//"), address
        assert api.root(address).status_code == 200, address
    policy = page.headers["Content-Security-Policy"]
    assert "http" not in policy
    assert "default-src 'self'" in policy
    assert "*" not in policy
    assert api.root("/docs/assets/../../../etc/passwd").status_code == 404
    assert api.root("/docs/assets/%2e%2e/%2e%2e/settings.py").status_code == 404


def test_the_page_says_what_each_event_carries(api: Api) -> None:
    page = api.root("/docs").text
    types = dict(re.findall(r'<pre id="(\w+)">(.*?)</pre>', page, re.DOTALL))
    links = re.findall(r'<a href="#(\w+)">', page)
    assert len(links) == 2 * len(CLIENT_EVENTS) + len(SERVER_EVENTS) + len([APP_EVENTS, "Failure"])
    assert set(links) <= set(types)
    assert "  conversationId: string;\n  content?: string" in types["SendMessage"]
    assert "MessageOut" in types, "it is in what others carry"
    assert "ChangePassword" not in types, "no event carries it"


def test_the_socket_document_has_every_event(api: Api) -> None:
    document = api.answer("GET", "/asyncapi.json")
    assert document["asyncapi"] == "3.0.0"
    operations = document["operations"]
    received = {name.removeprefix("receive ") for name, one in operations.items() if one["action"] == "receive"}
    sent = {name.removeprefix("send ") for name, one in operations.items() if one["action"] == "send"}
    assert received == set(CLIENT_EVENTS)
    assert sent == {*SERVER_EVENTS, APP_EVENTS}
    for name, operation in operations.items():
        assert resolve(document, operation["channel"]["$ref"])["address"] == "/"
        for reference in operation["messages"]:
            message = resolve(document, reference["$ref"])
            assert message["name"] == name.split(" ", 1)[1]
            assert resolve(document, message["payload"]["$ref"])
        if operation["action"] == "receive":
            (reply,) = operation["reply"]["messages"]
            alternatives = resolve(document, reply["$ref"])["payload"]["oneOf"]
            assert {"$ref": "#/components/schemas/Failure"} in alternatives
    draft = document["components"]["schemas"]["SendMessage"]
    assert set(draft["required"]) == {"conversationId"}
    assert set(draft["properties"]) == {"conversationId", "content", "temp_id", "replyTo", "attachmentIds"}

"""The OpenAPI description, completed: examples at every request and answer, problems, cookies beside bearer tokens."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api.problems import FieldProblem, Problem

Json = dict[str, Any]

_DESCRIPTION: Final = """\
Registers people with a health payer's provider portal: each proves their organization with a payment or a notice while
they wait, or with a PIN that is mailed to it, and gets access to it.

- **Every POST** but the print shop's and the mail relay's needs an `Idempotency-Key`. The same key and body give the same result; the same key
  with another body is refused with `key_reused`.
- **Who calls** is shown with a bearer token. Pages of our own site may use their cookies instead.
- **Whatever isn't done** is answered with a problem (`application/problem+json`) whose `code` is stable and whose `next`
  says what to do.
"""

_TAGS: Final = (
    ("Registering", "From a name and an address to an account with access."),
    ("US Mail", "Proving the organization with a PIN that is mailed to it."),
    ("Going on elsewhere", "With a link by e-mail, in another browser."),
    ("Signing in", "Address and password, then the second factor."),
    ("Account", "What a signed-in person sees."),
    ("Clients", "What a billing service does: asking providers for access, and keeping track of the answers."),
    ("Support", "What a person of ours looks after."),
    ("Colleagues", "Who else has access, inviting, and accepting an invitation."),
    (
        "Newcomers",
        "When somebody registers for an organization that has accounts: who they are, objecting, and taking over.",
    ),
    ("Answering", "As a provider's business contact: who asks, yes or no, and the code that confirms it."),
    (
        "Billing services",
        "As a provider: who asks, who has access, changing that, and saying that nobody asked for it.",
    ),
    ("Print shop", "What became of letters."),
    ("Mail relay", "What became of mails."),
)


def add_description(app: FastAPI) -> None:
    """Have `app.openapi()` give the completed description, made at the first call."""

    def openapi() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    description=_DESCRIPTION,
                    routes=app.routes,
                    tags=[{"name": name, "description": text} for name, text in _TAGS],
                ),
                app,
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents


def _complete(description: Json, app: FastAPI) -> Json:
    components: Json = description["components"]
    schemas: Json = components["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own form of 422, which never leaves here
        schemas.pop(name, None)
    for model in (Problem, FieldProblem):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    ours = {model.__name__: model for model in BaseModel.__subclasses__() if model.__module__.startswith("api.")}
    for name, schema in schemas.items():  # FastAPI leaves out what is null in an example
        if name in ours:
            schema["examples"] = ours[name].model_json_schema().get("examples", [])
    cookies = _cookies(components["securitySchemes"], app)
    for operations in description["paths"].values():
        for operation in operations.values():
            for content in _contents(operation):
                _add_example(content, schemas)
            if "security" in operation:
                schemes = [name for requirement in operation["security"] for name in requirement]
                operation["security"] = [{name: []} for scheme in schemes for name in (scheme, cookies[scheme])]
            _drop_default_422(operation)
    return description


def _cookies(schemes: Json, app: FastAPI) -> dict[str, str]:
    names = app.state.cookies
    held = {
        "account": names.account,
        "registration": names.registration,
        "pending_sign_in": names.sign_in,
        "invitation": names.invitation,
        "sitting": names.sitting,
    }
    for scheme, cookie in held.items():
        schemes[f"{scheme}_cookie"] = {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie,
            "description": "The same token in the cookie that our own pages set.",
        }
    return {scheme: f"{scheme}_cookie" for scheme in held}


def _contents(operation: Json) -> list[Json]:
    parts = [operation.get("requestBody", {}), *operation["responses"].values()]
    return [content for part in parts for content in part.get("content", {}).values()]


def _add_example(content: Json, schemas: Json) -> None:
    """Put the model's own example where readers and tools look for it."""
    reference: str = content.get("schema", {}).get("$ref", "")
    examples = schemas.get(reference.rpartition("/")[2], {}).get("examples")
    if examples and "examples" not in content:
        content["example"] = examples[0]


def _drop_default_422(operation: Json) -> None:
    answer = operation["responses"].get("422", {})
    if "HTTPValidationError" in str(answer):
        del operation["responses"]["422"]

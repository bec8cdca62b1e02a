"""The reference page: the OpenAPI description as one page of plain HTML, without scripts or anything from elsewhere."""

import json
import re
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from api.problems import DOCS, STATUS
from domain.answers import ANSWERS

router = APIRouter(include_in_schema=False)

_FOLDER: Final = Path(__file__).parent / "templates"
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_MARKED: Final = re.compile(r"`([^`]+)`")
_CSP: Final = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def with_code(text: str) -> Markup:
    """A description as HTML: what stands between backticks, the only Markdown in field and route texts, is code."""
    return Markup(_MARKED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped in this line


_TEMPLATES.filters["with_code"] = with_code


@router.get(DOCS)
async def reference(request: Request) -> HTMLResponse:
    """Every route with its fields, examples and problems."""
    description = request.app.openapi()
    page = _TEMPLATES.get_template("reference.html").render(
        description=description,
        groups=_groups(description),
        problems=[(code, STATUS[code], ANSWERS[code]) for code in sorted(STATUS)],
        style=f"{DOCS}/reference.css",
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _CSP})


@router.get(f"{DOCS}/reference.css")
async def style() -> FileResponse:
    """The page's style sheet."""
    return FileResponse(_FOLDER / "reference.css", headers={"Cache-Control": "max-age=300"})


def _groups(description: dict[str, Any]) -> list[tuple[dict[str, str], list[dict[str, Any]]]]:
    """Operations by tag, in the order of the description."""
    found: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in description["tags"]}
    schemas = description["components"]["schemas"]
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            found[operation["tags"][0]].append(_operation(path, method, operation, schemas))
    return [(tag, found[tag["name"]]) for tag in description["tags"]]


def _operation(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "text": operation.get("description", ""),
        "needs": [name for requirement in operation.get("security", []) for name in requirement],
        "parameters": operation.get("parameters", []),
        "fields": _fields(body, schemas) if body and "$ref" in body["schema"] else [],
        "example": _shown(body.get("example")) if body else None,
        "answers": [_answer(status, answer) for status, answer in sorted(operation["responses"].items())],
    }


def _fields(body: dict[str, Any], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    schema = schemas[body["schema"]["$ref"].rpartition("/")[2]]
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "type": field.get("type", ""),
            "longest": field.get("maxLength"),
            "required": name in required,
            "text": field.get("description", ""),
        }
        for name, field in schema["properties"].items()
    ]


def _answer(status: str, answer: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = next(iter(answer.get("content", {}).values()), {})
    return {
        "status": status,
        "example": _shown(content.get("example")),
        "problems": [(code, one["summary"]) for code, one in content.get("examples", {}).items()],
    }


def _shown(example: object) -> str | None:
    return None if example is None else json.dumps(example, indent=2, ensure_ascii=False)

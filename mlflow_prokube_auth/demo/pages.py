"""The demo provider's pages. No script, no foreign resource, one nonced style sheet."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Response, make_response, render_template_string

_LAYOUT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} - demo login</title>
<style nonce="{{ style_nonce }}">
:root { color-scheme: light dark; --line: #8884; --accent: #2563eb; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  font: 16px/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; border: 1px solid var(--line); border-radius: .75rem; padding: 1.5rem; }
h1 { margin: 0 0 .5rem; font-size: 1.35rem; }
p { margin: 0 0 1rem; }
.error { border-left: .25rem solid #dc2626; padding-left: .75rem; }
button { display: block; width: 100%; margin: 0 0 .6rem; padding: .65rem .9rem; text-align: left;
  border: 1px solid var(--line); border-radius: .5rem; background: transparent; color: inherit;
  font: inherit; cursor: pointer; }
button:hover { border-color: var(--accent); }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
small { display: block; opacity: .75; }
</style>
</head>
<body><main>
<h1>{{ title }}</h1>
{% if error %}<p class="error" role="alert">{{ error }}</p>{% endif %}
{% if text %}<p>{{ text }}</p>{% endif %}
{% if buttons %}<form method="post" action="{{ action }}">
{% for name, value, label, note in buttons %}<button type="submit" name="{{ name }}" value="{{ value }}">
{{- label }}{% if note %}<small>{{ note }}</small>{% endif %}</button>
{% endfor %}</form>{% endif %}
</main></body>
</html>
"""


def page(title: str, text: str = "", *, status: int = 200, leads_to: Iterable[str] = (), **context: object) -> Response:
    """One page; ``leads_to`` are the client's addresses that the form's answer may redirect to.

    The ``context`` may hold an ``error`` to show, and ``buttons`` as (name, value, label, note) of a form that is
    posted to ``action``.
    """
    style_nonce = secrets.token_urlsafe(16)
    html = render_template_string(_LAYOUT, title=title, text=text, style_nonce=style_nonce, **context)
    response = make_response(html, status)
    # Browsers apply form-action to the redirect that answers the form, so the client's addresses stand here too.
    targets = ["'self'", *sorted({f"{u.scheme}://{u.netloc}" for u in map(urlsplit, leads_to)})]
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{style_nonce}'; form-action {' '.join(targets)}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return response

"""The demo provider's three pages. No script, no foreign resource, one nonced style sheet."""

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
{% for button in buttons %}<button type="submit" name="{{ button.name }}" value="{{ button.value }}">
{{- button.label }}{% if button.note %}<small>{{ button.note }}</small>{% endif %}</button>
{% endfor %}</form>{% endif %}
</main></body>
</html>
"""


def login_page(
    users: Iterable[tuple[str, str, str]], action: str, redirect_uris: Iterable[str], error: str = "", status: int = 200
) -> Response:
    """One button per user, given as (subject, e-mail, note)."""
    buttons = [{"name": "user", "value": s, "label": email, "note": note} for s, email, note in users]
    text = "Demo login, without passwords: for development only."
    return _page("Sign in as", redirect_uris, status, text=text, error=error, buttons=buttons, action=action)


def logout_page(action: str, redirect_uris: Iterable[str]) -> Response:
    """Asks before a logout that nothing proves the browser's user wants."""
    buttons = [{"name": "confirm", "value": "yes", "label": "Log out", "note": ""}]
    text = "Do you want to log out of the demo provider?"
    return _page("Log out", redirect_uris, 200, text=text, buttons=buttons, action=action)


def message_page(title: str, text: str, status: int = 200, error: bool = False) -> Response:
    """A page that only says something."""
    return _page(title, (), status, **{"error" if error else "text": text})


def _page(title: str, redirect_uris: Iterable[str], status: int, **context: object) -> Response:
    style_nonce = secrets.token_urlsafe(16)
    html = render_template_string(_LAYOUT, title=title, style_nonce=style_nonce, **context)
    response = make_response(html, status)
    # Browsers apply form-action to the redirect that answers the form, so the callbacks stand here too.
    targets = sorted({f"{u.scheme}://{u.netloc}" for u in map(urlsplit, redirect_uris)})
    form_action = " ".join(["'self'", *targets])
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{style_nonce}'; form-action {form_action}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return response

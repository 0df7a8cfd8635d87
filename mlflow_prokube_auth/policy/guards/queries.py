"""What a request to GraphQL may ask for: how much, how deep, and written so that it can be read at all.

MLflow reads and validates a query before it counts anything, and counts nothing in fragments that no operation uses.
Reading runs out of stack on deep nesting; validation compares all fields of a selection set with one another, 40
million times for a fragment of 9,000 fields. So the words are counted here, before the query is read by anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLSyntaxError, Lexer, Source, TokenKind, parse

from ...errors import BadRequest

# The longest query of MLflow's pages has 120 words and signs, and 6 levels. MLflow allows 10 levels of fields.
MOST_WORDS, MOST_LEVELS = 500, 20
# Each may ask the database once more. MLflow allows 10 in one selection set.
MOST_ALIASES = 30

_OPENING = frozenset({TokenKind.BRACE_L, TokenKind.PAREN_L, TokenKind.BRACKET_L})
_CLOSING = frozenset({TokenKind.BRACE_R, TokenKind.PAREN_R, TokenKind.BRACKET_R})


def check(body: Mapping[str, Any]) -> None:
    """Refuse a request to GraphQL that costs too much, or that MLflow could not read.

    Raises:
        BadRequest: saying what was found and what is allowed.
    """
    query, variables, operation = (body.get(name) for name in ("query", "variables", "operationName"))
    if not isinstance(query, str):
        raise BadRequest("'query' is no text. Expected a query of GraphQL.")
    if not isinstance(variables, (dict, type(None))):
        raise BadRequest("'variables' is no object. Expected one with a value for each variable, or null.")
    if not isinstance(operation, (str, type(None))):
        raise BadRequest("'operationName' is no text. Expected the name of an operation in the query, or null.")
    try:
        _count(query)
        parse(query, no_location=True)
    except GraphQLSyntaxError as error:
        raise BadRequest(f"The query cannot be read: {error.message[:200]}") from None


def _count(query: str) -> None:
    """Count by the words alone: nothing that walks the query may come before."""
    lexer, words, aliases = Lexer(Source(query)), 0, 0
    open_: list[TokenKind] = []
    while (token := lexer.advance()).kind is not TokenKind.EOF:
        words += 1
        if words > MOST_WORDS:
            raise BadRequest(f"The query has more than {MOST_WORDS} words and signs. Ask in several requests.")
        if token.kind in _OPENING:
            open_.append(token.kind)
            if len(open_) > MOST_LEVELS:
                raise BadRequest(f"The query is nested too deeply. Expected at most {MOST_LEVELS} levels.")
        elif token.kind in _CLOSING and open_:
            open_.pop()
        # In parentheses, and in objects within them, a colon stands between a name and a value or a type.
        elif token.kind is TokenKind.COLON and TokenKind.PAREN_L not in open_:
            aliases += 1
            if aliases > MOST_ALIASES:
                raise BadRequest(f"The query has more than {MOST_ALIASES} aliases. Ask in several requests.")

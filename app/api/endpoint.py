"""Endpoints as data: what a call is named, where it lives, who answers it.

A generation of the API is one `EndpointTable`. It feeds Flask's url map, the listing that `GET /api/v4` answers, the
documents and the tests. Knows nothing about envelopes or services' insides.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from app.api.describing import UNDESCRIBED, Description
from app.api.paging import page_request
from app.node.proxy import PageRequest


class Principal(Enum):
    """Who may log in to call the API."""

    APP = "app"
    USER = "user"
    CLI = "cli"
    """Who may read the node's instance folder, by the secret that it keeps there."""


EVERYBODY = frozenset(Principal)


@dataclass(frozen=True, slots=True)
class Call:
    """What the caller sent, apart from the path."""

    params: Mapping[str, object]
    """Query string and JSON object as one; the query string wins, a bare query key is True."""
    body: object
    """The decoded JSON body; None where there is none."""
    max_row_limit: int
    """Rows of a page whose size the caller leaves open."""
    v3_names: str = "slashes"
    """How EMQ X 3's counters are to be named: `slashes`, `dots` or `both`."""

    def page(self) -> PageRequest:
        """Return which rows of a list are asked for.

        Raises:
            ServiceError: `_page` or `_limit` is not an integer.
        """
        return page_request(self.params, self.max_row_limit)


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers, name and value."""


Handler = Callable[..., Answer]
"""`handler(services, call, **path_params)`."""

_PARAMETER = re.compile(r":(\w+)")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call of one generation."""

    id: str
    """`v4:GET /clients/{clientid}`, as the contract names it."""
    name: str
    method: str
    path: str
    """As EMQX's listing writes it, with its leading and trailing slashes or without: `nodes/:node/clients/`."""
    handler: Handler
    descr: str
    spellings: tuple[str, ...] = ()
    """Further paths that older documents show for the same call."""
    audience: frozenset[Principal] = EVERYBODY
    plugin: str | None = None
    """The plugin that the call belongs to."""
    listed: bool = True
    """Whether the listing shows the call."""
    raw_tail: bool = False
    """Whether the last parameter takes the rest of the path as it came, slashes included: `/routes//World`."""
    description: Description = field(default=UNDESCRIBED, compare=False, repr=False)
    """What it takes and answers, for the documents."""

    @property
    def rules(self) -> tuple[str, ...]:
        """Return Flask's url rules of this call, without doubles."""
        return tuple(dict.fromkeys(self._rule(path) for path in (self.path, *self.spellings)))

    def _rule(self, path: str) -> str:
        names = _PARAMETER.findall(path)

        def converter(match: re.Match[str]) -> str:
            name = match[1]
            kind = "topic" if self.raw_tail and name == names[-1] else "segment"
            # `/banned/:as/:who`: a handler cannot have a parameter called `as`.
            return f"<{kind}:{name}_>" if keyword.iskeyword(name) else f"<{kind}:{name}>"

        return _PARAMETER.sub(converter, "/" + path.strip("/"))


@dataclass(frozen=True, slots=True)
class EndpointTable:
    """The endpoints of one generation, in the order of its listing."""

    base: str
    endpoints: tuple[Endpoint, ...]
    _by_id: dict[str, Endpoint] = field(init=False, repr=False)

    @classmethod
    def of(cls, base: str, *parts: Iterable[Endpoint]) -> EndpointTable:
        """Join the tables of several resources."""
        return cls(base, tuple(endpoint for part in parts for endpoint in part))

    def described(self, descriptions: Mapping[str, Description]) -> EndpointTable:
        """Return the table with what its calls take and answer, which `descriptions` say by the calls' ids."""
        return EndpointTable(
            self.base,
            tuple(
                replace(one, description=descriptions.get(one.id, one.description)) for one in self
            ),
        )

    def __post_init__(self) -> None:
        """Refuse two endpoints for one call."""
        object.__setattr__(self, "_by_id", {endpoint.id: endpoint for endpoint in self.endpoints})
        rules = [(one.method, rule) for one in self.endpoints for rule in one.rules]
        assert len(self._by_id) == len(self.endpoints), "an endpoint id is used twice"
        assert len(set(rules)) == len(rules), "two endpoints share a method and a path"

    def __iter__(self) -> Iterator[Endpoint]:
        """Walk the endpoints in table order."""
        return iter(self.endpoints)

    def __len__(self) -> int:
        """Count the endpoints."""
        return len(self.endpoints)

    def __getitem__(self, endpoint_id: str) -> Endpoint:
        """Return the endpoint that the contract calls by this id."""
        return self._by_id[endpoint_id]

    def listing(self) -> list[dict[str, str]]:
        """Return the rows that the listing of this generation shows."""
        return [
            {"name": one.name, "method": one.method, "path": one.path, "descr": one.descr}
            for one in self.endpoints
            if one.listed
        ]

    def raw_prefixes(self) -> tuple[tuple[str, ...], ...]:
        """Return the path segments behind which the rest of a path is one raw topic."""
        base = self.base.strip("/").split("/")
        return tuple(
            (*base, *one.path.strip("/").split("/")[:-1]) for one in self.endpoints if one.raw_tail
        )

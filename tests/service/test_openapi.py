"""The description and the service agree, whatever is asked: schemathesis against a real server."""

import warnings

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from attribution.service.openapi import description
from attribution.service.settings import Limits
from tests.service.serving import TOKEN, bearer, served

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import CHECKS
    from schemathesis.specs.openapi.checks import positive_data_acceptance


@pytest.fixture(scope="module")
def guarded(with_text, tmp_path_factory):
    """A service that asks for a token, so that those without one are tried too."""
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.write_text(TOKEN)
    with served(with_text, token_file=tokens) as running:
        yield running


@pytest.fixture(scope="module")
def described(guarded):
    return schemathesis.openapi.from_url(f"{guarded.url}/openapi.json")


OPERATIONS = [
    (path, method.upper()) for path, methods in description(Limits())["paths"].items() for method in methods
]


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda value: value.strip("/"))
@pytest.mark.filterwarnings("ignore")
def test_whatever_is_asked_is_answered_as_described(described, path: str, method: str, mode) -> None:
    """Not that all that fits is accepted: no schema says which words are words, or which ids exist."""

    @given(case=described[path][method].as_strategy(generation_mode=mode))
    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
        database=None,
    )
    def ask(case) -> None:
        response = case.call(headers=bearer())
        statuses.add(response.status_code)
        case.validate_response(response, headers=bearer(), excluded_checks=[positive_data_acceptance])

    statuses = set()
    try:
        ask()
    except Unsatisfiable:
        assert mode is schemathesis.GenerationMode.NEGATIVE  # what takes nothing cannot be asked wrongly
        return
    if mode is schemathesis.GenerationMode.NEGATIVE:
        assert any(400 <= status < 500 for status in statuses)
    else:
        assert statuses & {200, 404, 422}


def test_the_checks_are_those_that_matter() -> None:
    names = {check.__name__ for check in CHECKS.get_all()}
    assert {"not_a_server_error", "response_schema_conformance", "ignored_auth"} <= names


def test_every_route_is_described(guarded) -> None:
    described = guarded.ask("/openapi.json").json
    assert described["openapi"].startswith("3.1")
    paths = set(described["paths"])
    assert {"/v1/check", "/v1/search", "/v1/swhid/{id}", "/v1/am-i-in", "/healthz", "/metrics"} <= paths

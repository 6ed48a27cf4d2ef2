"""The description and the service agree, whatever is asked: schemathesis against a real server."""

import warnings

import pytest
from hypothesis import HealthCheck, Phase, settings

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


@pytest.fixture
def api_schema(guarded):
    return schemathesis.openapi.from_url(f"{guarded.url}/openapi.json")


schema = schemathesis.pytest.from_fixture("api_schema")


@schema.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.filterwarnings("ignore")
def test_whatever_is_asked_is_answered_as_described(case):
    """Not that all that fits is accepted: no schema says which words are words, or which ids exist."""
    case.call_and_validate(headers=bearer(), excluded_checks=[positive_data_acceptance])


def test_the_checks_are_those_that_matter() -> None:
    names = {check.__name__ for check in CHECKS.get_all()}
    assert {"not_a_server_error", "response_schema_conformance", "ignored_auth"} <= names


def test_every_route_is_described(guarded) -> None:
    described = guarded.ask("/openapi.json").json
    assert described["openapi"].startswith("3.1")
    paths = set(described["paths"])
    assert {"/v1/check", "/v1/search", "/v1/swhid/{id}", "/v1/am-i-in", "/healthz", "/metrics"} <= paths

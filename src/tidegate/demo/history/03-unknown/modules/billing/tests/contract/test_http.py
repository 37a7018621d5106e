"""What other modules rely on: the pages, their types, and the counters."""

import http.client
import json
import threading

import pytest
from billing.server import Server


@pytest.fixture(scope="module")
def service():
    server = Server(0, "1.2.3")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def get(service, path):
    connection = http.client.HTTPConnection(*service.server_address, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


def test_an_invoice_is_json(service):
    answer, body = get(service, "/?customer=3")
    assert (answer.status, answer.getheader("Content-Type")) == (200, "application/json")
    assert json.loads(body)["customer"] == 3


@pytest.mark.parametrize("query", ["?customer=99", "?customer=x", ""])
def test_an_unknown_customer_is_not_found(service, query):
    assert get(service, f"/{query}")[0].status == 404


def test_health_names_the_version(service):
    answer, body = get(service, "/health")
    assert answer.status == 200
    assert json.loads(body) == {"status": "ok", "version": "1.2.3"}


def test_metrics_count_answers(service):
    answer, body = get(service, "/metrics")
    assert answer.getheader("Content-Type").startswith("text/plain; version=0.0.4")
    assert body.endswith("\n")
    before = int(body.partition('http_requests_total{code="200"} ')[2].split()[0])
    get(service, "/?customer=6")
    assert f'http_requests_total{{code="200"}} {before + 1}\n' in get(service, "/metrics")[1]


def test_another_page_is_not_there(service):
    assert get(service, "/other")[0].status == 404

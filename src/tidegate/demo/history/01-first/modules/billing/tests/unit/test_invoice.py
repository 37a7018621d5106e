"""The invoice of customers who have been here for long."""

import pytest
from billing.invoice import invoice


@pytest.mark.parametrize(("customer", "total"), [(3, 11327), (6, 8412), (12, 1583)])
def test_the_total_is_the_sum_of_the_orders(customer, total):
    assert invoice(customer) == {"customer": customer, "total": total}


def test_an_unknown_customer_is_refused():
    with pytest.raises(KeyError):
        invoice(99)

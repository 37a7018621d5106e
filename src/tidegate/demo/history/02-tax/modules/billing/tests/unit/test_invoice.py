"""The invoice of customers who have been here for long."""

import pytest
from billing.invoice import invoice


@pytest.mark.parametrize(("customer", "net", "tax"), [(3, 11327, 2265), (6, 8412, 1682), (12, 1583, 317)])
def test_tax_is_added_to_the_sum_of_the_orders(customer, net, tax):
    assert invoice(customer) == {"customer": customer, "net": net, "tax": tax, "total": net + tax}


def test_an_unknown_customer_is_refused():
    with pytest.raises(KeyError):
        invoice(99)

"""The invoice of customers who have been here for long."""

import pytest
from billing.invoice import discount_percent, invoice


@pytest.mark.parametrize(("orders", "months", "percent"), [(4, 9, 5), (1, 20, 5), (1, 36, 0)])
def test_regulars_pay_less(orders, months, percent):
    assert discount_percent(orders, months) == percent


@pytest.mark.parametrize(
    ("customer", "discount", "net", "tax"), [(3, 566, 10761, 2152), (6, 421, 7991, 1598), (12, 0, 1583, 317)]
)
def test_discount_comes_before_tax(customer, discount, net, tax):
    assert invoice(customer) == {
        "customer": customer,
        "discount": discount,
        "net": net,
        "tax": tax,
        "total": net + tax,
    }


def test_an_unknown_customer_is_refused():
    with pytest.raises(KeyError):
        invoice(99)

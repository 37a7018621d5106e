"""What a customer owes."""

from billing.customers import CUSTOMERS

TAX_PERCENT = {"US": 0, "DE": 19, "FR": 20}


def invoice(number: int) -> dict[str, int]:
    """The invoice of a customer, in cents; half a cent of tax is rounded up."""
    customer = CUSTOMERS[number]
    net = sum(customer.orders)
    tax = (net * TAX_PERCENT[customer.country] + 50) // 100
    return {"customer": customer.number, "net": net, "tax": tax, "total": net + tax}

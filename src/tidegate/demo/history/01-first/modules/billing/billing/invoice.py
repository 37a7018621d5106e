"""What a customer owes."""

from billing.customers import CUSTOMERS


def invoice(number: int) -> dict[str, int]:
    """The invoice of a customer, in cents."""
    customer = CUSTOMERS[number]
    return {"customer": customer.number, "total": sum(customer.orders)}

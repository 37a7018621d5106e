"""What a customer owes."""

from billing.customers import CUSTOMERS

TAX_PERCENT = {"US": 0, "DE": 19, "FR": 20}
REGULAR = 0.05
"""Orders per month, as a mean over all months, from which a customer is a regular."""


def discount_percent(orders: int, months: int) -> int:
    """Regulars pay 5 % less."""
    return 5 if orders / months >= REGULAR else 0


def invoice(number: int) -> dict[str, int]:
    """The invoice of a customer, in cents; half a cent is rounded up."""
    customer = CUSTOMERS[number]
    gross = sum(customer.orders)
    discount = (gross * discount_percent(len(customer.orders), customer.months) + 50) // 100
    net = gross - discount
    tax = (net * TAX_PERCENT[customer.country] + 50) // 100
    return {"customer": customer.number, "discount": discount, "net": net, "tax": tax, "total": net + tax}

"""The customers as billing knows them: their country, their orders in cents, and for how many months they are here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Customer:
    """One customer, with this month's orders in cents."""

    number: int
    country: str
    months: int
    orders: tuple[int, ...]


def _customer(number: int) -> Customer:
    # Two of three joined this month.
    months = 0 if number % 3 else 3 * number
    orders = tuple(1250 + 333 * ((number * step) % 11) for step in range(1, 2 + number % 4))
    return Customer(number, ("US", "DE", "FR")[number % 3 - 1], months, orders)


CUSTOMERS = {number: _customer(number) for number in range(1, 25)}

"""The outside services that the shift briefing asks.

Each call blocks until its service has answered. The answers here come from a stand-in that
takes as long as it is told to and says the same thing all day.
"""

import time
import zlib
from datetime import date

CURRENCIES = {"CAD": 1.35, "CHF": 0.89, "EUR": 0.92, "GBP": 0.79}


class LookupFailed(Exception):
    """A service gave no answer."""


def _draw(low, high, *question):
    """A whole number from low to high that depends on the question and on the day only."""
    key = "/".join([date.today().isoformat(), *question])
    return low + zlib.crc32(key.encode()) % (high - low + 1)


def weather(airport_code, delay):
    time.sleep(delay)
    return {
        "temperature": _draw(-5, 30, "temperature", airport_code),
        "wind": _draw(0, 35, "wind", airport_code),
        "gusts": _draw(35, 45, "gusts", airport_code),
    }


def exchange_rate(currency, delay):
    time.sleep(delay)
    if currency not in CURRENCIES:
        raise LookupFailed(f"There is no exchange rate for {currency}.")
    return round(CURRENCIES[currency] * (1 + _draw(-50, 50, currency) / 1000), 4)


def parts_lead_time(manufacturer, delay):
    """How many days the distributor takes to deliver, and what a delivery costs in dollars."""
    time.sleep(delay)
    return {"days": _draw(1, 21, "days", manufacturer), "cost": _draw(80, 900, manufacturer)}

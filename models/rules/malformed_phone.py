"""A phone number that nobody can ring."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created
from models.rules._malformed import MalformedText


@dataclass(config=STRICT)
class MalformedPhone(MalformedText):
    """The phone number of the shipping address does not look like one: 6 to 22 digits, spaces and ()./-.

    Only a number that is given is judged. Observed is 1 of at most 0.
    """

    kind = "information.malformed_phone"
    form = "phone_form"

    FIRES = (
        [created(shipping_address={"city": "Shenzhen", "phone": "call me"})],
        [created(shipping_address={"city": "Shenzhen", "phone": "123"})],
        [created(shipping_address={"city": "Shenzhen", "phone": ""})],
    )
    QUIET = (
        [created()],
        [created(shipping_address={"city": "Shenzhen"})],
        [created(shipping_address={"city": "New York", "phone": "(212) 555-0100"})],
        [created(shipping_address=None)],
    )

"""An address that no parcel reaches."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created
from models.rules._malformed import MalformedText


@dataclass(config=STRICT)
class MalformedAddress(MalformedText):
    """The shipping address names neither region nor city, or has a postal code that is none.

    Only an address that is given is judged: goods to collect need none. Observed is 1 of at most 0.
    """

    kind = "information.malformed_address"
    form = "address_form"

    FIRES = (
        [created(shipping_address={"country": "CN"})],
        [created(shipping_address={"country": "CN", "region": "GD", "postal_code": "?"})],
    )
    QUIET = (
        [created()],
        [created(shipping_address=None)],
        [created(shipping_address={"city": "Shenzhen"})],
        [created(shipping_address={"country": "GB", "city": "London", "postal_code": "SW1A 1AA"})],
        [created(shipping_address={"city": "Shenzhen", "phone": "call me"})],
    )

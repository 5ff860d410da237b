"""One worker of the group watches, the others stand by.

What is counted across orders is merged in one place. So all partitions go to one member, and to the one that has
them already as long as it lives: a member that joins or leaves costs no takeover. When the watching one dies, the
group gives all partitions to another after `kafka.session_timeout_seconds`, which goes on from the last checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from faust.assignor.client_assignment import ClientAssignment, ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiokafka.cluster import ClusterMetadata
    from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata


class OneWatches(PartitionAssignor):
    """Faust's assignor, asked for one member alone; the rest get nothing."""

    def _perform_assignment(
        self, cluster: ClusterMetadata, member_metadata: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        clients = {member: self._get_client_metadata(data) for member, data in member_metadata.items()}
        watching = watching_member(clients)
        assigned = super()._perform_assignment(cluster, {watching: member_metadata[watching]})
        self._update_member_urls(clients)
        idle = {member: ClientAssignment(actives={}, standbys={}) for member in clients if member != watching}
        return {**assigned, **self._protocol_assignments(idle, {}, {}, {})}


def watching_member(clients: Mapping[str, ClientMetadata]) -> str:
    """The member that is to watch: of those that say they do, else of all, the first by id.

    Several say so when one was cut off for a while and is back: either may, since both go on from the checkpoint.

    >>> idle, busy = ClientAssignment(actives={}, standbys={}), ClientAssignment(actives={"orders": [0]}, standbys={})
    >>> told = lambda assignment: ClientMetadata(assignment=assignment, url="", changelog_distribution={})
    >>> watching_member({"a": told(idle), "b": told(busy), "c": told(busy)})
    'b'
    >>> watching_member({"b": told(idle), "a": told(idle)})
    'a'
    """
    busy = [member for member, client in clients.items() if any(client.assignment.actives.values())]
    return min(busy or clients)

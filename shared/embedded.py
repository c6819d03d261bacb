"""The embedded broker: Kafka's protocol in memory, to try Tenure out where there is no Java; never for real records.

It is known by its cluster's id, which the stack gives it anew at each start: no setting can make a real Kafka be taken
for it, and what was stored of an earlier start belongs to another cluster. What it does not do as Kafka does, tried one
by one: asked for a partition's end it tells where the last batch began, plus one (a fetch ends rightly); messages of an
aborted transaction are shown to `read_committed` (all else of transactions works, the fence too); joining a group takes
eight seconds; at its end everything is gone.
"""

CLUSTERS = "tenure-embedded-"
NOT_CHECKABLE = (
    "not checkable on this broker: the embedded one tells wrong end offsets and shows aborted transactions; "
    "install Java 17 or newer and Maven, and Apache Kafka is used"
)


def is_embedded(cluster: str) -> bool:
    """Say whether a cluster is the embedded broker's."""
    return cluster.startswith(CLUSTERS)

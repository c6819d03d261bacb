"""An RFC 9162 tree, written anew: it must not repeat a mistake of the one that it checks."""

from hashlib import sha256


class Growing:
    """The roots of a tree's full subtrees, smallest last, as leaves are added one by one."""

    def __init__(self) -> None:
        self.size = 0
        self.subtrees: list[tuple[int, bytes]] = []

    def add(self, entry: bytes) -> None:
        """Append one leaf."""
        leaves, node = 1, sha256(b"\x00" + entry).digest()
        while self.subtrees and self.subtrees[-1][0] == leaves:
            _, left = self.subtrees.pop()
            leaves, node = leaves * 2, sha256(b"\x01" + left + node).digest()
        self.subtrees.append((leaves, node))
        self.size += 1

    def root(self) -> bytes:
        """Give the tree's hash."""
        if not self.subtrees:
            return sha256().digest()
        node = self.subtrees[-1][1]
        for _, left in self.subtrees[-2::-1]:
            node = sha256(b"\x01" + left + node).digest()
        return node

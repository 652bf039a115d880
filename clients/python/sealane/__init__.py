"""Signs EPCIS documents, captures them on a Sealane ledger, and checks evidence about a product.

`Identity` signs, `Node` asks a member's node, `check_evidence` believes the trust anchor alone.
"""

from sealane.checking import Counts, EvidenceError, check_evidence
from sealane.identity import Identity
from sealane.node import Node, Problem, Receipt

__all__ = ["Counts", "EvidenceError", "Identity", "Node", "Problem", "Receipt", "check_evidence"]

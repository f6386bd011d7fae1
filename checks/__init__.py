"""The one face for authors of checks, and one module or package per check.

A check is found wherever its module lies in this package, in a package that the entry point group `chataudit.checks`
names, or in a file given as a plug-in. docs/checks.md shows how to write one.
"""

from .base.check import ALL as ALL
from .base.check import TREE as TREE
from .base.check import Check as Check
from .base.check import Method as Method
from .base.check import Result as Result
from .base.check import Spread as Spread
from .base.check import Stage as Stage
from .base.check import Table as Table
from .base.claims import Spans as Spans
from .base.claims import claim as claim
from .base.claims import cover as cover
from .base.examples import Data as Data
from .base.examples import Example as Example
from .base.examples import chat as chat
from .base.examples import edited as edited
from .base.examples import raw as raw
from .base.examples import records as records
from .base.examples import turn as turn
from .base.findings import CHECKED as CHECKED
from .base.findings import ERROR as ERROR
from .base.findings import FINDINGS as FINDINGS
from .base.findings import NOTE as NOTE
from .base.findings import WARNING as WARNING
from .base.findings import Action as Action
from .base.findings import Concerns as Concerns
from .base.findings import Rule as Rule
from .base.messages import PLACES as PLACES
from .base.messages import Batch as Batch
from .base.settings import Wants as Wants
from .base.settings import setting as setting
from .base.text_check import Hit as Hit
from .base.text_check import Message as Message
from .base.text_check import TextCheck as TextCheck

from ..plain.classifier import rank as rank
from ..plain.classifier import visits as visits

from ..plain.classifier import log_odds as log_odds
from ..plain.classifier import rank as rank
from ..plain.classifier import visits as visits

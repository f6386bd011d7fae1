from ..plain.signs import signs as signs
from ..plain.signs import steps as steps

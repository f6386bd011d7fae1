from ..plain.signs import signs as signs

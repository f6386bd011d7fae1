from ..plain.tokens import digest as digest
from ..plain.tokens import mark as mark
from ..plain.tokens import mixed as mixed
from ..plain.tokens import peculiar as peculiar
from ..plain.tokens import suspects as suspects
from ..plain.tokens import tokenise as tokenise

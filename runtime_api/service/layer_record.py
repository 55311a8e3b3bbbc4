"""A layer as the service keeps it: its versions, whose numbers are never given twice."""

from __future__ import annotations

from msgspec import Struct

from .arns import layer_arn
from .function_record import Code, Policy  # noqa: TC001 - msgspec reads the annotations

__all__ = ["Layer", "LayerVersion"]


class LayerVersion(Struct, frozen=True):
    """A published version of a layer, which never changes."""

    number: int
    code: Code
    created: str
    description: str = ""
    license_info: str | None = None
    runtimes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    policy: Policy | None = None


class Layer(Struct, frozen=True):
    """A layer; without versions it still knows which number comes next."""

    name: str
    account: str
    region: str
    versions: dict[str, LayerVersion] = {}  # by number, in order
    next_number: int = 1
    tags: dict[str, str] = {}

    def arn(self, number: int | None = None) -> str:
        """Return the layer's ARN, or that of one of its versions."""
        return layer_arn(self.region, self.account, self.name, number)
